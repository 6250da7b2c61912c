"""How tests call the API, and what they expect of every error."""

import copy
import json
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.event_documents import RUNNABLE

ADMIN_KEY = "admin-key-of-the-tests"

EVENT = {
    "title": "Test",
    **copy.deepcopy(RUNNABLE),
}


@dataclass
class Caller:
    """Calls endpoints with one key."""

    client: FlaskClient
    key: str | None

    def __call__(
        self, name: str, body: Any = None, *, method: str | None = None, **options: Any
    ) -> TestResponse:
        """Call `name/v1` with a JSON body, or by GET when there is none."""
        headers = {"X-API-Key": self.key} if self.key else {}
        headers |= options.pop("headers", {})
        path = name
        if not name.startswith("/"):
            path = f"/api/{name}/v1" if "/" in name else f"/api/app/{name}/v1"
        if body is not None:
            options |= {"data": json.dumps(body), "content_type": "application/json"}
        method = method or ("GET" if body is None and "data" not in options else "POST")
        return self.client.open(path, method=method, headers=headers, **options)


def assert_error(response: TestResponse, status: int, code: str | int, text: str) -> None:
    """The response is an error of the one shape, with this code, and a text that begins so."""
    assert response.status_code == status, response.text
    assert_error_shape(response)
    assert response.json["code"] == code
    assert response.json["description"].startswith(text)


def assert_error_shape(response: TestResponse) -> None:
    assert response.content_type == "application/json"
    assert response.text.endswith("}\n")
    assert set(response.json) == {"code", "description"}
    assert response.json["code"] != 0
    assert isinstance(response.json["description"], str)
    assert response.json["description"]


def multipart(*parts: tuple[str, str | None, bytes]) -> dict[str, Any]:
    """A multipart body as options of a call; its parts are name, file name and content."""
    body = b""
    for name, filename, content in parts:
        file = "" if filename is None else f'; filename="{filename}"'
        head = f'--limit\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return {
        "data": body + b"--limit--\r\n",
        "content_type": "multipart/form-data; boundary=limit",
    }
