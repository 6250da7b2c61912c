"""What the endpoints of web hooks reply."""

from marshmallow import Schema, fields

from schemas.replies import Reply


class WebHookReply(Reply):
    """A web hook as it is stored."""

    web_hook = fields.Dict(required=True)


class WebHookResult(Schema):
    """What came of a request."""

    code = fields.Raw(required=True, metadata={"description": "0, or `webhook`."})
    description = fields.String(required=True)
    details = fields.String(metadata={"description": "Markdown: what was sent and answered."})


class WebHookResultReply(Reply):
    """What came of a web hook that was tried out."""

    result = fields.Nested(WebHookResult, required=True)
