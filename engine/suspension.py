"""Suspensions: what a `suspend` action leaves in the job while it holds it, and afterwards."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core import clock, json
from core.formats import duration_text

Document = dict[str, Any]

SUSPENDING = "Suspending job until manual user intervention."
RESUMING = "Resuming job after user intervention."
_RESUMED = "Successfully suspended and resumed job."


def skips(action: Mapping[str, Any], job: Mapping[str, Any]) -> bool:
    """Whether a suspension is not meant for jobs of this source."""
    sources = action.get("sources")
    return isinstance(sources, list) and job.get("source") in sources


def resumed(actions: list[Document], request: Mapping[str, Any] | None) -> list[Document]:
    """The actions after a suspension ended, by a caller's request or without one (an abort)."""
    return [_resume(action, request) if is_active(action) else action for action in actions]


def is_active(action: Mapping[str, Any]) -> bool:
    """Whether an action holds its job now."""
    return action.get("type") == "suspend" and bool(action.get("active"))


def _resume(action: Document, request: Mapping[str, Any] | None) -> Document:
    now = clock.now()
    ended = {key: value for key, value in action.items() if key != "active"}
    ended["elapsed_ms"] = int((now - ended["date"]) * 1000)
    if request is not None:
        ended["details"] = _details(ended["date"], request) + str(ended.get("details", ""))
    return ended | {"code": 0, "description": _RESUMED}


def _details(since: float, request: Mapping[str, Any]) -> str:
    """Markdown that tells who ended the suspension, when and how."""
    at = datetime.fromtimestamp(request["at"], UTC)
    lines = [
        "### Suspension Details:\n",
        f"- **Duration:** {duration_text(request['at'] - since)}",
        f"- **Resumed At:** {at:%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)",
        f"- **Resumed By:** `{request['by']}`",
    ]
    if request.get("redirect"):
        lines.append(f"- **Jumped to Node:** `#{request['redirect']}`")
    lines += [f"- **IP Addresses:** {request['ip']}", f"- **User Agent:** {request['agent']}"]
    if request.get("params"):
        params = json.indented(request["params"])
        lines.append(f"\n#### User Parameters\n\n```json\n{params}\n```")
    return "\n".join(lines) + "\n"
