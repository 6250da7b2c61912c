"""What is switched on or off for the whole server, beyond all restarts."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import json
from models.database import db
from models.statements import insert_new


class GlobalState(db.Model):  # type: ignore[misc, name-defined]
    """One value by its name, such as `scheduler.enabled`."""

    __tablename__ = "global_state"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    value: Mapped[str] = mapped_column(sa.Text)

    @classmethod
    def get(cls, connection: sa.Connection, name: str, default: Any) -> Any:
        """The value of this name, or the default where nobody has set it."""
        text = connection.scalar(sa.select(cls.value).where(cls.name == name))
        return default if text is None else json.loads(text)

    @classmethod
    def put(cls, connection: sa.Connection, name: str, value: Any) -> None:
        """Set a value."""
        values = {"name": name, "value": json.dumps(value)}
        if not insert_new(connection, cls.__table__, values):
            connection.execute(sa.update(cls).where(cls.name == name).values(values))
