"""The API's documentation: an OpenAPI document made from the endpoints, and a page made from it."""

import base64
import hashlib
from functools import cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Response, render_template
from markdown_it import MarkdownIt
from markupsafe import Markup

from blueprints.operations import ERRORS, SECURITY, failure, operations
from blueprints.replies import json_response
from blueprints.wire import endpoints
from core import json
from schemas.replies import ErrorReply

bp = Blueprint("openapi", __name__, template_folder="templates")

_TITLE = "Switchyard"
_DESCRIPTION = """\
Every endpoint answers at `/api/app/NAME/v1`. Success is `{"code":0, …}`; every failure is
`{"code":CODE,"description":TEXT}`, with an HTTP status of its own below `/v1`, and with 200 where
the path names no version. Parameters come as a JSON object, as a form or, where a GET is shown,
in the query. Send the API key as `X-API-Key` or as `Authorization: Bearer KEY`.
"""
_STYLE = Markup("""
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
code { font-family: ui-monospace, monospace; font-size: .9em }
section { border-top: 1px solid #8888; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0 }
th { font-weight: 600 } td { border-top: 1px solid #8884 }
nav a { margin-right: .75rem } .needs { opacity: .75 }
""")


@bp.get("/api/openapi.json")
def document() -> Response:
    """The OpenAPI document."""
    return json_response(json.dumps(_document()))


@bp.get("/api/docs")
def page() -> Response:
    """The same as a page for people, which loads nothing else."""
    html = render_template(
        "docs.html", spec=_document(), style=_STYLE, markdown=_markdown, resolve=_resolve
    )
    response = Response(html, content_type="text/html; charset=utf-8")
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
    )
    return response


def _markdown(text: str) -> Markup:
    # Markup in the text itself is shown and not obeyed.
    return Markup(MarkdownIt("commonmark", {"html": False}).render(text))  # noqa: S704


@cache
def _document() -> dict[str, Any]:
    """The document, made once: endpoints don't change while the process lives."""
    spec = APISpec(
        title=_TITLE,
        version="1",
        openapi_version="3.1.0",
        plugins=[MarshmallowPlugin(schema_name_resolver=_name_of)],
        info={"description": _DESCRIPTION},
    )
    for name, scheme in SECURITY.items():
        spec.components.security_scheme(name, scheme)
    spec.components.schema("Error", schema=ErrorReply)
    for status, text in ERRORS.items():
        spec.components.response(str(status), failure(text))
    for endpoint in endpoints.values():
        path = f"{endpoint.path}/v1/{endpoint.below}".rstrip("/")
        spec.path(path, operations=operations(endpoint))
    found: dict[str, Any] = spec.to_dict()
    return found


def _name_of(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return str(kind.__name__)


def _resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema itself where the document only refers to it."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = _document()["components"]["schemas"][name] if name else schema
    return found
