"""What endpoints reply, for the documentation: the members beside `code`."""

from marshmallow import Schema, fields, validate


class Reply(Schema):
    """The reply of an endpoint that tells nothing but success."""

    code = fields.Integer(
        required=True,
        validate=validate.OneOf([0]),
        metadata={"description": "0: the call succeeded."},
    )


class ErrorReply(Schema):
    """The reply of every call that failed."""

    code = fields.Raw(
        required=True,
        metadata={"description": "The kind of error, a word or 1.", "type": ["string", "integer"]},
    )
    description = fields.String(required=True, metadata={"description": "What is wrong."})


class ListHeader(Schema):
    """How long a list is."""

    length = fields.Integer(required=True, metadata={"description": "All rows, before paging."})


class RowsReply(Reply):
    """A list of records."""

    rows = fields.List(fields.Dict(), required=True)
    list = fields.Nested(ListHeader, required=True)


class CrontabReply(Reply):
    """What became of a crontab."""

    events = fields.List(fields.Dict(), required=True)
    problems = fields.List(
        fields.Dict(), required=True, metadata={"description": "`line`, `text` and `reason`."}
    )


class BucketReply(Reply):
    """A bucket as it is stored."""

    bucket = fields.Dict(required=True)


class FullBucketReply(BucketReply):
    """A bucket and what is in it."""

    data = fields.Dict(required=True)
    files = fields.List(fields.Dict(), required=True)


class SearchHeader(ListHeader):
    """How long a result is, and where its next page begins."""

    cursor = fields.String(metadata={"description": "The parameter that brings the next page."})


class SearchReply(Reply):
    """A page of found jobs."""

    rows = fields.List(fields.Dict(), required=True)
    list = fields.Nested(SearchHeader, required=True)


class JobReply(Reply):
    """A job, and the token that opens its log."""

    job = fields.Dict(required=True)
    token = fields.String(required=True)


class JobsReply(Reply):
    """Jobs in the order of the ids asked for."""

    jobs = fields.List(fields.Dict(), required=True)


class CountReply(Reply):
    """How many records a call was about."""

    count = fields.Integer(required=True)


class EventCounts(Schema):
    """How many live jobs an event has."""

    id = fields.String(required=True, metadata={"description": "The event's id."})
    states = fields.Dict(required=True, values=fields.Integer())
    sources = fields.Dict(required=True, values=fields.Integer())
    targets = fields.Dict(required=True, values=fields.Integer())


class SummaryReply(Reply):
    """Counts of live jobs by the ids of their events."""

    events = fields.Dict(required=True, values=fields.Nested(EventCounts))


class NodesReply(Reply):
    """Counts of live jobs by the ids of their workflow nodes."""

    nodes = fields.Dict(required=True, values=fields.Integer())


class EnabledReply(Reply):
    """Whether something is switched on now."""

    enabled = fields.Boolean(required=True)


class RunReply(Reply):
    """The id of an accepted job; or, when it was waited for, the job."""

    id = fields.String()
    job = fields.Dict()


class MagicReply(RunReply):
    """An accepted job, and the token that opens its stream."""

    description = fields.String(metadata={"description": "For people."})
    stream = fields.String(metadata={"description": "The `token` of stream_job."})


class EventReply(Reply):
    """An event as it is stored."""

    event = fields.Dict(required=True)


class EventStateReply(EventReply):
    """An event, its active jobs, and how many are queued."""

    jobs = fields.List(fields.Dict(), required=True)
    queued = fields.Integer(required=True)


class CategoryReply(Reply):
    """A category as it is stored."""

    category = fields.Dict(required=True)


class UserReply(Reply):
    """A user's record, without the password."""

    user = fields.Dict(required=True)


class LoginReply(UserReply):
    """A session: what requests of the user bring from now on."""

    username = fields.String(required=True)
    session_id = fields.String(required=True, metadata={"description": "For `X-Session-ID`."})
    csrf_token = fields.String(required=True, metadata={"description": "For `X-CSRF-Token`."})


class RoleReply(Reply):
    """A role as it is stored."""

    role = fields.Dict(required=True)


class ChannelReply(Reply):
    """A channel as it is stored."""

    channel = fields.Dict(required=True)


class TagReply(Reply):
    """A tag as it is stored."""

    tag = fields.Dict(required=True)


class PluginReply(Reply):
    """A plugin as it is stored."""

    plugin = fields.Dict(required=True)


class GroupReply(Reply):
    """A group as it is stored."""

    group = fields.Dict(required=True)


class PagedListHeader(ListHeader):
    """How long a list is, and how clients would page through it."""

    page_size = fields.Integer()
    first_page = fields.Integer()
    last_page = fields.Integer()
    type = fields.String()


class ApiKeysReply(Reply):
    """A list of API keys' records."""

    rows = fields.List(fields.Dict(), required=True)
    list = fields.Nested(PagedListHeader, required=True)


class ApiKeyReply(Reply):
    """An API key's record, without the key."""

    api_key = fields.Dict(required=True)


class NewApiKeyReply(ApiKeyReply):
    """A new API key's record, and the key."""

    plain_key = fields.String(required=True)


class TextReply(Reply):
    """Text."""

    text = fields.String(required=True)


class EchoReply(Reply):
    """What the server understood of a request."""

    params = fields.Dict(required=True)
    files = fields.Dict(required=True)
    headers = fields.Dict(required=True)


class FilesReply(Reply):
    """Stored files."""

    files = fields.List(fields.Dict(), required=True)


class UploadsReply(FilesReply):
    """Stored files, and where each of them can be fetched."""

    urls = fields.List(fields.String(), required=True)


class SentFileReply(Reply):
    """The path of a stored file, and its size in bytes."""

    key = fields.String(required=True)
    size = fields.Integer(required=True)
