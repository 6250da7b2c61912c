"""Magic links: which event a link's token runs, so that finding it is one query."""

import hashlib
from collections.abc import Mapping
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db
from models.statements import insert_new


def token_digest(token: str) -> str:
    """The digest under which a token is looked up: how long that takes tells nothing of it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class MagicLink(db.Model):  # type: ignore[misc, name-defined]
    """One token of one event, as the event's triggers have it; kept in step with the event."""

    __tablename__ = "magic_links"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    event: Mapped[str] = mapped_column(sa.String(255), primary_key=True, index=True)

    @classmethod
    def event_of(cls, connection: sa.Connection, token: str) -> str | None:
        """The id of the event that has this token."""
        query = sa.select(cls.event).where(cls.digest == token_digest(token))
        return connection.scalar(query.order_by(cls.event).limit(1))

    @classmethod
    def follow(cls, connection: sa.Connection, event: Mapping[str, Any]) -> None:
        """Make an event's links those of its triggers."""
        cls.drop(connection, event["id"])
        digests = {token_digest(trigger["token"]) for trigger in magic_triggers(event)}
        for digest in sorted(digests):
            insert_new(connection, TABLE, {"digest": digest, "event": event["id"]})

    @classmethod
    def drop(cls, connection: sa.Connection, event_id: str) -> None:
        """Forget an event's links."""
        connection.execute(sa.delete(cls).where(cls.event == event_id))


TABLE = cast(sa.Table, MagicLink.__table__)


def magic_triggers(event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """An event's triggers that have a token."""
    return [
        trigger
        for trigger in event.get("triggers") or ()
        if trigger.get("type") == "magic" and isinstance(trigger.get("token"), str)
    ]
