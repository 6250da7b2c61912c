"""Tags: the words that events and jobs may carry; they keep them when a tag is deleted."""

from models.tag import Tag
from services.catalogue import Catalogue


class Tags(Catalogue):
    """The tags; they are the same for every caller."""

    table = Tag
    noun = "tag"
    prefix = "t"
    taken = "Tag ID already exists"


tags = Tags()
