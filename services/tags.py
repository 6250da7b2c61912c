"""Tags: the words that events and jobs may carry."""

from models.tag import Tag
from services.documents import Listing


def listing() -> Listing:
    """All tags in order of creation; they are the same for every caller."""
    return Listing(Tag)
