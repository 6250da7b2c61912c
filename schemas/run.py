"""Parameters of run_event: which event, and what this run changes of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core import json
from core.errors import BadRequest
from core.javascript import is_truthy, to_string
from schemas.wire import Flag, Object, Parameters, Pattern, RequestSchema, Text

#: `params/KEY`: a form's way to say KEY of the object `params`.
_NESTED = re.compile(r"(\w+)/(\w+)", re.ASCII)


@dataclass(slots=True)
class Upload:
    """One file of a multipart request; the stream is readable as long as the request lasts."""

    field: str
    filename: str | None
    stream: Any
    size_bytes: int


class _Params(Object):
    """Values by name; anything but an object counts as none."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return value if isinstance(value, dict) else {}


class JobInput(Object):
    """The job's input; what JavaScript takes for false counts as none."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if is_truthy(value) and not isinstance(value, dict):
            raise BadRequest("Malformed event parameter: input (must be object)")
        return value or None


class _Seconds(Pattern):
    """A duration in seconds, as a number or as text; the view gets the text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(r"^\d{1,9}(\.\d{1,9})?\Z", **options)


class RunEvent(RequestSchema):
    """Which event to run; every other parameter overrides a key of the event in the job."""

    is_checked = False

    id = Pattern("", metadata={"description": "The event's id; needed unless `title` is given."})
    title = Text(metadata={"description": "The event's exact title."})
    input = JobInput(metadata={"description": "The job's input: `data` and `files`."})
    params = _Params(metadata={"description": "Values of the event's parameters."})
    json = Pattern("", metadata={"description": "More parameters, as the text of a JSON object."})
    test = Flag(metadata={"description": "Run even when disabled or without a manual trigger."})

    timeout = _Seconds(
        load_default=None,
        metadata={"description": "With `/wait`: answer after this many seconds at the latest."},
    )

    def parse(self, values: Parameters) -> Parameters:
        """All parameters as `params`, those in objects and in `json` at their places."""
        params = _nest(values)
        merge_json(params)
        _check_criteria(params)
        params.update(self.load(params))
        timeout = params.pop("timeout")
        return {"params": params, "timeout": None if timeout is None else float(timeout)}


def _nest(values: Parameters) -> Parameters:
    """Parameters with each `WORD/WORD` moved into the object that it names."""
    nested: Parameters = {}
    moved: list[tuple[str, str, Any]] = []
    for key, value in values.items():
        match = _NESTED.fullmatch(key)
        if match is None:
            nested[key] = value
        else:
            moved.append((match[1], match[2], value))
    for name, key, value in moved:
        if not isinstance(nested.get(name), dict):
            nested[name] = {}
        nested[name] = {**nested[name], key: value}
    return nested


def merge_json(params: Parameters) -> None:
    """Put the members of the object that `json` is the text of among the parameters."""
    text = params.pop("json", None)
    if not is_truthy(text):
        return
    try:
        values = json.loads(text if isinstance(text, str) else to_string(text))
    except json.JSONError as error:
        raise BadRequest(f"Failed to parse JSON: SyntaxError: {error}") from None
    if isinstance(values, dict):
        params.update(values)


def _check_criteria(params: Parameters) -> None:
    """Make sure that an event is named, by text: `id` wins over `title`."""
    if is_truthy(params.get("id")):
        params["id"] = to_string(params["id"])
        params.pop("title", None)
    elif is_truthy(params.get("title")):
        params.pop("id", None)
    else:
        raise BadRequest("Failed to locate event: No criteria specified", code="event")


def check_uploads(uploads: Sequence[Upload], *, needs_some: bool = False) -> None:
    """Refuse files without a name or content and, on demand, that there are none."""
    if needs_some and not uploads:
        raise BadRequest("No file upload data found in request.", code="file")
    for upload in uploads:
        _check_name(upload)
        if not upload.size_bytes:
            text = f"File '{upload.field}' is missing required size property, or is zero bytes."
            raise BadRequest(text)


def the_upload(uploads: Sequence[Upload], field: str) -> Upload:
    """The upload of this name; unlike others it may be empty, as output files may."""
    for upload in uploads:
        if upload.field == field:
            _check_name(upload)
            return upload
    raise BadRequest("File upload data not found", code="job")


def _check_name(upload: Upload) -> None:
    if not (upload.filename or "").strip("./\\ "):
        text = f"File '{upload.field}' is missing required name property, or name is invalid."
        raise BadRequest(text)
