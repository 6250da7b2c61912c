"""Firing web hooks: the request that a hook and a job make, sent as often as it takes."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from core import clock
from core.aside import aside
from core.config import Settings
from core.formats import size_text
from core.masking import masked
from core.outbound import Answer, Call, OutboundError, send
from core.sealing import SealError
from core.version import NAME
from models.database import db
from models.web_hook import WebHook
from services import daily_counts, hook_context, secrets
from services.errand import Errand, Outcome
from services.macros import Macros

Document = dict[str, Any]
#: Whether anybody still waits for what comes of a request.
Wanted = Callable[[], bool]

_UNDEFINED = "N/A"
#: Pauses before a request is sent again, seconds; the last one counts for all that follow.
_PAUSES = (1.0, 2.0, 5.0, 10.0)
_MOST_RETRIES = 32
_LONGEST_TIMEOUT_SECONDS = 600.0
_TIMEOUT_SECONDS = 30.0
#: Answers after which it is worth trying again.
_PASSING = (408, 425, 429, 500, 502, 503, 504)
#: How much of a body people are shown, characters.
_MOST_SHOWN_CHARS = 8192
_SECRET_HEADERS = frozenset(
    ("authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key")
)


def _always() -> bool:
    return True


def fire_for(errand: Errand, text: str = "", is_wanted: Wanted = _always) -> Outcome:
    """Fire the web hook that an action names; a `text` stands for what happened.

    It is only sent again while `is_wanted`.
    """
    hook_id = str(errand.action.get("web_hook"))
    texts = [f"Firing web hook: #{hook_id}"]
    hook = db.read(lambda connection: WebHook.get(connection, hook_id))
    trouble = _trouble(hook_id, hook, errand.id)
    if hook is None or trouble:
        return Outcome(_failed(trouble), texts)
    try:
        values = _values(hook_id, errand)
    except SealError as error:
        return Outcome(_failed(error), texts)
    if text:
        values["text"] = text
    return Outcome(fire(hook, values, errand.id, errand.settings, is_wanted), texts)


def _failed(reason: object) -> Document:
    return {"code": "webhook", "description": f"Error: {reason}"}


def _values(hook_id: str, errand: Errand) -> Document:
    """What the hook's macros may use; raises `SealError`."""
    given = secrets.assigned("web_hooks", hook_id, errand.settings)
    return hook_context.of(errand) | {"secrets": given}


def _trouble(hook_id: str, hook: Document | None, errand_id: str) -> str | None:
    """Why a hook is not fired."""
    if hook is None:
        return f"Web Hook not found: {hook_id}"
    if not hook.get("enabled"):
        return f"Web Hook is disabled: {hook_id}"
    most = hook.get("max_per_day") or 0
    if not daily_counts.take(errand_id, "web_hook", hook_id, most):
        return f"Web Hook has reached maximum daily limit: {hook_id} ({most:g}/day)"
    return None


def fire(
    hook: Mapping[str, Any],
    values: Mapping[str, Any],
    key: str,
    settings: Settings,
    is_wanted: Wanted = _always,
) -> Document:
    """Send a hook's request until it is answered; returns code, description and details.

    `values` are for the macros in it; `key` tells the receiver that a repeat is one.
    """
    call = aside(call_of, hook, values, key, settings)
    tries = 1 + min(int(hook.get("retries") or 0), _MOST_RETRIES)
    began = clock.now()
    answer, failure = _send_often(call, tries, is_wanted)
    result = _failed(failure) if answer is None else _result(answer)
    hide = partial(masked, values=list(values["secrets"].values()))
    details = hide(_details(call, answer, clock.now() - began, hide))
    return result | {"description": hide(result["description"]), "details": details}


def _result(answer: Answer) -> Document:
    status = f"HTTP {answer.status} {answer.reason}".strip()
    if 200 <= answer.status < 400:
        return {"code": 0, "description": f"Success ({status})"}
    return _failed(status)


def _send_often(call: Call, tries: int, is_wanted: Wanted) -> tuple[Answer | None, str]:
    """The answer, or why there is none, after as many tries as it takes."""
    answer, failure = None, ""
    for number in range(tries):
        if number:
            time.sleep(_PAUSES[min(number, len(_PAUSES)) - 1])
            if not is_wanted():
                break
        try:
            answer = send(call)
        except OutboundError as error:
            answer, failure = None, str(error)
        if answer is not None and answer.status not in _PASSING:
            break
    return answer, failure


def call_of(
    hook: Mapping[str, Any], values: Mapping[str, Any], key: str, settings: Settings
) -> Call:
    """The request that a hook makes of these values."""
    # Once: what a job says must not be able to ask for more.
    macros = Macros(values, undefined=_UNDEFINED, passes=1)
    headers = {"User-Agent": NAME, "Idempotency-Key": key}
    for header in hook.get("headers") or ():
        headers[header["name"]] = _one_line(macros.expand(header["value"]))
    body = macros.expand_body(hook.get("body") or "")
    timeout = min(float(hook.get("timeout") or _TIMEOUT_SECONDS), _LONGEST_TIMEOUT_SECONDS)
    return Call(
        method=str(hook.get("method") or "POST").upper(),
        url=_one_line(macros.expand(hook["url"])),
        headers=headers,
        body=body.encode("utf-8", "replace") if body else None,
        timeout_seconds=timeout,
        follows_redirects=bool(hook.get("follow")),
        checks_certificate=not hook.get("ssl_cert_bypass"),
        may_reach_metadata=settings["ALLOW_LINK_LOCAL"],
    )


def _one_line(text: str) -> str:
    """Text that can't begin another header."""
    return " ".join(text.split())


def _details(call: Call, answer: Answer | None, seconds: float, hide: Callable[[str], str]) -> str:
    """Markdown that tells what was sent and what came back; `hide` works before texts are cut."""
    lines = [
        "### Web Hook Details:\n",
        f"- **Method:** {call.method}",
        f"- **URL:** {call.url}",
        f"- **Elapsed:** {seconds * 1000:.0f} ms\n",
        *_shown("Request", call.headers, call.body, hide),
    ]
    if answer is not None:
        lines.append(f"- **Response:** HTTP {answer.status} {answer.reason}\n")
        lines += _shown("Response", answer.headers, answer.body, hide)
    return "\n".join(lines) + "\n"


def _shown(
    noun: str, headers: Mapping[str, str], body: bytes | None, hide: Callable[[str], str]
) -> list[str]:
    shown = {
        name: "****" if name.lower() in _SECRET_HEADERS else value
        for name, value in headers.items()
    }
    listed = "\n".join(f"{name}: {value}" for name, value in shown.items())
    lines = [f"#### {noun} Headers:\n\n```http\n{listed}\n```\n"]
    if body:
        text = hide(body.decode("utf-8", "replace"))[:_MOST_SHOWN_CHARS].replace("```", "'''")
        lines.append(f"#### {noun} Body ({size_text(len(body))}):\n\n```\n{text}\n```\n")
    return lines


def sample_job() -> Document:
    """A job that never was, for trying a hook out."""
    return {
        "id": "jsample",
        "event": "esample",
        "event_title": "Sample Event",
        "code": 0,
        "description": "",
        "complete": True,
        "state": "complete",
        "started": clock.now() - 90,
        "completed": clock.now(),
        "elapsed": 90.0,
        "log_file_size": 0,
        "tags": ["_success"],
    }


def try_out(hook: Mapping[str, Any], settings: Settings, key: str) -> Document:
    """Fire a hook, stored or not, with a sample job; returns code, description and details."""
    errand = Errand(key, "success", {"type": "web_hook"}, sample_job(), settings)
    try:
        values = _values(str(hook.get("id")), errand)
    except SealError as error:
        return _failed(error)
    return fire(hook, values, key, settings)
