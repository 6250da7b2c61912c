"""The API's form: how an endpoint gets its URLs, its parameters, its caller and its reply."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

from flask import Blueprint, Response, g

from blueprints.auth import requires
from blueprints.parameters import Source, read
from blueprints.replies import array_reply, reply, spliced
from schemas.replies import Reply
from schemas.wire import NoParameters, RequestSchema
from services.access import Privilege

__all__ = [
    "BODY",
    "MERGED",
    "RUN",
    "ApiBlueprint",
    "Endpoint",
    "NoParameters",
    "array_reply",
    "endpoints",
    "params",
    "requires",
    "spliced",
]

View = Callable[..., Any]

MERGED = Source.MERGED
BODY = Source.BODY
RUN = Source.RUN

#: What every endpoint answers to; whoever asks by another method learns these.
METHODS = ("GET", "HEAD", "POST")


@dataclass(frozen=True)
class Endpoint:
    """One endpoint as its decorators describe it; the documentation is generated from these."""

    name: str
    group: str
    schema: RequestSchema
    source: Source
    #: Whether it looks at the files of a multipart body.
    takes_files: bool
    #: Whether anybody may call it without proving who they are.
    is_open: bool
    privilege: Privilege | None
    #: What a successful reply holds, and its type where that is not JSON.
    returns: type[Reply]
    media_type: str
    #: The statuses beside 200 that are no errors.
    statuses: tuple[int, ...]
    #: What has to follow in the path, with names in braces.
    below: str
    doc: str

    @property
    def path(self) -> str:
        """Its URL, without a version."""
        return _path(self.name)


def _path(name: str) -> str:
    """Where an endpoint lives: in `app`, unless its name has another namespace."""
    return f"/api/{name}" if "/" in name else f"/api/app/{name}"


#: By these names views get the files of a request.
_FILES = {"upload", "uploads"}

#: All endpoints by their names, in the order in which their modules register them.
endpoints: dict[str, Endpoint] = {}


class ApiBlueprint(Blueprint):
    """A group of endpoints of the API."""

    def api(
        self,
        name: str,
        returns: type[Reply] = Reply,
        media_type: str = "application/json",
        below: str = "",
        statuses: tuple[int, ...] = (),
    ) -> Callable[[View], View]:
        """Serve a view at `/api/app/NAME`, `/api/app/NAME/vN` and below, whatever follows.

        A name with a slash, such as `user/login`, has its namespace with it: `/api/user/login`.

        `returns` and `media_type` say in the documentation what it replies, `statuses` what other
        answers than 200 are no errors, and `below` what of the path it looks at.
        """

        def register(view: Any) -> View:
            endpoints[name] = Endpoint(
                name=name,
                group=self.name,
                schema=view.schema,
                source=view.source,
                takes_files=_takes_files(view),
                is_open=getattr(view, "is_open", True),
                privilege=getattr(view, "privilege", None),
                returns=returns,
                media_type=media_type,
                statuses=statuses,
                below=below,
                doc=inspect.getdoc(view) or "",
            )

            def answer(**_trailing_path: str) -> Response:
                return reply(view())

            for rule in (_path(name), f"{_path(name)}/<path:_trailing_path>"):
                self.add_url_rule(
                    rule,
                    name,
                    answer,
                    methods=METHODS,
                    strict_slashes=False,
                )
            return cast("View", view)

        return register


def _takes_files(view: View) -> bool:
    return not _FILES.isdisjoint(inspect.signature(view).parameters)


def params(
    schema: type[RequestSchema],
    *,
    source: Source = MERGED,
    prepare: Callable[..., dict[str, Any]] | None = None,
) -> Callable[[View], View]:
    """Give a view its parameters as keyword arguments, checked before anybody is authenticated.

    `prepare` makes others of these arguments, for what is refused before the caller matters.
    Only an endpoint that takes files reads a body that is larger than parameters may be.
    """
    checker = schema()

    def decorate(view: View) -> View:
        takes_files = _takes_files(view)

        @wraps(view)
        def parse() -> Any:
            incoming = g.incoming = read(takes_files=takes_files)
            g.credentials = incoming.credentials
            try:
                arguments = checker.parse(incoming.parameters(source))
                if prepare is not None:
                    arguments = prepare(**arguments)
                return view(**arguments)
            finally:
                for upload in incoming.uploads:
                    upload.stream.close()

        parse.schema, parse.source = checker, source  # type: ignore[attr-defined]
        return parse

    return decorate
