"""What the endpoints of secrets reply."""

from marshmallow import Schema, fields

from schemas.replies import Reply


class SecretReply(Reply):
    """What is known of a secret: everything but its values."""

    secret = fields.Dict(required=True)


class SecretValue(Schema):
    """One value."""

    name = fields.String(required=True, metadata={"description": "Of its variable."})
    value = fields.String(required=True)


class DecryptedReply(Reply):
    """The values of a secret."""

    fields_ = fields.List(fields.Nested(SecretValue), required=True, data_key="fields")
