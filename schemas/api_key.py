"""Parameters of the API key endpoints."""

from schemas.wire import (
    Array,
    Id,
    IdRequest,
    Number,
    Object,
    Parameters,
    Pattern,
    RequestSchema,
    Text,
    malformed_type,
)


class ApiKeyId(IdRequest):
    """An endpoint that needs nothing but an API key's id."""

    id = Id(required=True, metadata={"description": "The API key's id."})


class _ApiKeyDocument(RequestSchema):
    """The parts of an API key's record that callers set."""

    title = Pattern(r"\S", metadata={"description": "What people call the key."})
    description = Text(metadata={"description": "What it is for."})
    privileges = Object(metadata={"description": "Privileges by id, each with a true value."})
    categories = Array(metadata={"description": "Ids of categories it is limited to; none: all."})
    groups = Array(metadata={"description": "Ids of groups it is limited to; none: all."})
    roles = Array(metadata={"description": "Ids of roles."})
    expires = Number(metadata={"description": "When it stops working, Unix seconds."})
    max_per_sec = Number(metadata={"description": "The most requests in a second."})

    def parse(self, values: Parameters) -> Parameters:
        """The arguments; a title is shown to people, so nothing but text will do."""
        arguments = super().parse(values)
        if "title" in values and not isinstance(values["title"], str):
            raise malformed_type("title", values["title"])
        return arguments


class CreateApiKey(_ApiKeyDocument):
    """A new key; other parameters become keys of its record."""

    title = Pattern(r"\S", required=True, metadata={"description": "What people call the key."})

    def parse(self, values: Parameters) -> Parameters:
        """All parameters as one document; an id is made up, so one that is sent is ignored."""
        values.pop("id", None)
        super().parse(values)
        return {"params": values}


class UpdateApiKey(_ApiKeyDocument):
    """Which key; every other parameter is a key of its record to set."""

    id = Id(required=True, metadata={"description": "The API key's id."})

    def parse(self, values: Parameters) -> Parameters:
        """The id and the changes."""
        key_id = values.get("id")
        super().parse(values)
        return {"id": key_id, "changes": {k: v for k, v in values.items() if k != "id"}}
