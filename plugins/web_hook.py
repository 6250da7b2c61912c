"""The web hook plugin: a job that fires a web hook, and ends as that was answered."""

import http.client
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

# An isolated interpreter (-I) does not look for modules beside the program.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import protocol

#: Longer than a web hook with all of its retries may take.
_TIMEOUT_SECONDS = 6 * 3600.0
_UNKNOWN = "(Unknown Error)"
#: Jobs go on while the server is started again: pauses before it is asked once more.
_PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
#: What a proxy answers while there is no server behind it.
_NOBODY_THERE = (502, 503)


def main() -> None:
    """Have the server fire the hook that the job's parameters name, and tell what came of it."""
    try:
        job = protocol.read_job()
    except protocol.JobInputError as error:
        protocol.send(code=1, description=str(error))
        return
    url = f"{job.get('base_url')}/api/app/fire_job_web_hook/v1"
    protocol.log(f"Firing web hook via API: {url}")
    try:
        tell(ask_until_answered(url, {"id": job.get("id"), "auth": job.get("auth_token")}))
    except (OSError, http.client.HTTPException, ValueError) as error:
        protocol.send(code=1, description=f"Failed to reach the server: {reason(error)}")


def ask_until_answered(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """The server's reply, also where it has to come back first.

    The hook's receiver gets the same `Idempotency-Key` each time.
    """
    for pause in _PAUSES_SECONDS:
        try:
            return ask(url, body)
        except (OSError, http.client.HTTPException) as error:
            protocol.log(f"No answer from the server, asking again: {reason(error)}")
            time.sleep(pause)
    return ask(url, body)


def reason(error: Exception) -> object:
    """What went wrong, without what the library puts around it."""
    return getattr(error, "reason", None) or error


def ask(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """The server's reply, also where it is an error."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - ours
    # Whatever proxy others are reached by: this is the server that started us.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            reply = json.load(response)
    except urllib.error.HTTPError as error:
        if error.code in _NOBODY_THERE:
            raise
        reply = json.load(error)
    return reply if isinstance(reply, dict) else {}


def tell(reply: dict[str, Any]) -> None:
    """End the job with what the server said."""
    result = reply.get("result") if reply.get("code") == 0 else reply
    result = result if isinstance(result, dict) else {}
    code = result.get("code", 1)
    description = result.get("description") or (_UNKNOWN if code else "Success")
    message: dict[str, Any] = {"code": code, "description": description, "data": reply}
    if result.get("details"):
        # What the receiver has answered is no text of ours: no macros are to be found in it.
        content = str(result["details"]).replace("{{", "{ {")
        message["markdown"] = {"title": "Web Hook Details", "content": content}
    protocol.log(description)
    protocol.send(**message)


if __name__ == "__main__":
    main()
