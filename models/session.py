"""Sessions: who is logged in, and until when; only digests of their ids are kept."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db
from models.statements import delete_some
from models.user import User


class Session(db.Model):  # type: ignore[misc, name-defined]
    """One login of a user."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    username: Mapped[str] = mapped_column(sa.String(255), index=True)
    #: What requests have to bring, so that they can't come from another page.
    csrf_token: Mapped[str] = mapped_column(sa.String(64))
    #: Unix seconds.
    expires: Mapped[float] = mapped_column(sa.Float(53), index=True)

    @classmethod
    def find(
        cls, connection: sa.Connection, digest: str
    ) -> "sa.Row[str, str, float, str | None] | None":
        """`username`, `csrf_token`, `expires`, and `doc`, the user's document if there is one."""
        return connection.execute(_WITH_USER, {"digest": digest}).first()

    @classmethod
    def add(cls, connection: sa.Connection, **values: str | float) -> None:
        """Store a new session."""
        connection.execute(sa.insert(cls).values(values))

    @classmethod
    def extend(cls, connection: sa.Connection, digest: str, expires: float) -> None:
        """Let a session end later."""
        query = sa.update(cls).where(cls.digest == digest, cls.expires < expires)
        connection.execute(query.values(expires=expires))

    @classmethod
    def drop(cls, connection: sa.Connection, digest: str) -> None:
        """End a session."""
        connection.execute(sa.delete(cls).where(cls.digest == digest))

    @classmethod
    def drop_all(cls, connection: sa.Connection, username: str) -> None:
        """End all sessions of a user."""
        connection.execute(sa.delete(cls).where(cls.username == username))

    @classmethod
    def forget(cls, connection: sa.Connection, before: float, limit: int) -> None:
        """Delete some of the sessions that expired before then."""
        delete_some(connection, cls.digest, cls.expires < before, limit)


_WITH_USER = (
    sa.select(Session.username, Session.csrf_token, Session.expires, User.doc)
    .outerjoin(User, User.id == Session.username)
    .where(Session.digest == sa.bindparam("digest"))
)
