"""Tags: the words that events and jobs may carry."""

from typing import Any

from models.database import db
from models.tag import Tag


def list_all() -> list[dict[str, Any]]:
    """All tags in order of creation; they are the same for every caller."""
    return db.read(Tag.all)
