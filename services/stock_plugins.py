"""The plugins that every instance has, and the parameters that they take."""

from typing import Any

Document = dict[str, Any]

_SCRIPT = "#!/bin/sh\n\n# Enter your shell script code here"


def _text(name: str, title: str, **more: Any) -> Document:
    return {"id": name, "title": title, "type": "text", "value": "", **more}


def _seconds(name: str, title: str, value: int) -> Document:
    return _text(name, title, variant="number", value=value)


def _checkbox(name: str, title: str) -> Document:
    return {"id": name, "title": title, "type": "checkbox", "value": False}


_SHELL: Document = {
    "id": "shellplug",
    "title": "Shell Script",
    "command": "[shell-plugin]",
    "kill": "all",
    "icon": "bash",
    "params": [
        {
            "id": "script",
            "title": "Script Source",
            "type": "code",
            "value": _SCRIPT,
            "required": True,
            "locked": True,
        },
        _checkbox("annotate", "Add Date/Time Stamps to Log"),
    ],
}

_HTTP: Document = {
    "id": "httpplug",
    "title": "HTTP Request",
    "command": "[http-plugin]",
    "kill": "parent",
    "icon": "web",
    "params": [
        {
            "id": "method",
            "title": "Method",
            "type": "select",
            "value": "GET, HEAD, POST, PUT, DELETE",
        },
        _text("url", "URL", variant="url", required=True, locked=True),
        {"id": "headers", "title": "Request Headers", "type": "textarea", "value": ""},
        {"id": "data", "title": "Request Body", "type": "textarea", "value": ""},
        _seconds("timeout", "Timeout (Seconds)", 30),
        _text("idle_timeout", "Idle Timeout (Seconds)", variant="number"),
        _seconds("connect_timeout", "Connect Timeout (Seconds)", 10),
        _checkbox("follow", "Follow Redirects"),
        _checkbox("ssl_cert_bypass", "Ignore Certificate Errors"),
        _checkbox("download", "Attach the Response as a File"),
        _text("filename", "File Name"),
        _text("success_match", "Success Match"),
        _text("error_match", "Error Match"),
    ],
}

_TEST: Document = {
    "id": "testplug",
    "title": "Test Plugin",
    "command": "[test-plugin]",
    "kill": "parent",
    "icon": "test-tube",
    "params": [
        _text("duration", "Test Duration (Seconds)", value="5-10"),
        {
            "id": "action",
            "title": "Simulate Action",
            "type": "select",
            "value": "Success, Error, Warning, Critical, Abort, Crash",
        },
        {"id": "custom", "title": "Custom JSON", "type": "json", "value": {}},
        _checkbox("burn", "Burn Memory and CPU"),
        _checkbox("network", "Use the Network"),
        _checkbox("upload", "Attach a Sample File"),
    ],
}

_HOOK: Document = {
    "id": "hookplug",
    "title": "Web Hook",
    "command": "[hook-plugin]",
    "kill": "parent",
    "icon": "webhook",
    "params": [
        # Who may run an event must not choose among all hooks.
        _text("web_hook", "Web Hook ID", required=True, locked=True),
        {"id": "text", "title": "Custom Text", "type": "textarea", "value": ""},
    ],
}

#: Those that were there before new ones were added to instances that exist.
FIRST_PLUGINS = ("shellplug", "httpplug", "testplug")

#: Complete but for who made them and when.
PLUGINS: tuple[Document, ...] = tuple(
    {"type": "event", "enabled": True, **plugin} for plugin in (_SHELL, _HTTP, _TEST, _HOOK)
)
