"""The HTTP request plugin: sends one request, judges the answer, hands over what came back."""

import contextlib
import http.client
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

# An isolated interpreter (-I) does not look for modules beside the program.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import protocol
from http_connection import without_password
from http_details import Redactor, markdown, output_data
from http_exchange import Exchange
from http_settings import RequestError, Settings

#: The time for both matches when the request itself has no limit.
MATCH_TIMEOUT_SECONDS = 10.0
#: The alarm repeats, in case one falls into a place that swallows exceptions.
ALARM_INTERVAL_SECONDS = 0.5


class TimeLimitError(Exception):
    """The alarm has rung."""


def main() -> None:
    """Do the job that standard input describes, and report its result."""
    started = time.monotonic()
    signal.signal(signal.SIGALRM, _ring)
    try:
        job = protocol.read_job()
        settings = Settings.from_job(job)
    except (protocol.JobInputError, RequestError) as error:
        protocol.log(str(error))
        protocol.send(code=1, description=str(error))
        return
    redactor = Redactor(job)
    url = redactor.redact(without_password(settings.url))
    protocol.log(f"Sending HTTP {settings.method} to URL:\n{url}\n")
    exchange = Exchange(settings)
    code, description = perform(exchange)
    report(exchange, code, redactor.redact(description), redactor, time.monotonic() - started)


def perform(exchange: Exchange) -> tuple[int, str]:
    """Run the exchange within its time and judge it; returns code and description."""
    settings = exchange.settings
    deadline = time.monotonic() + (settings.timeout_seconds or 0)
    try:
        with alarm(settings.timeout_seconds):
            response = exchange.run()
        left = deadline - time.monotonic() if settings.timeout_seconds else MATCH_TIMEOUT_SECONDS
        with alarm(max(left, 0.001)):
            return judge(response, exchange)
    except TimeLimitError:
        milliseconds = round((settings.timeout_seconds or MATCH_TIMEOUT_SECONDS) * 1000)
        return 1, f"Request Timeout ({milliseconds} ms)"
    except RequestError as error:
        return error.code, str(error)


def judge(response: http.client.HTTPResponse, exchange: Exchange) -> tuple[int, str]:
    """What the response means for the job: its status first, then its body."""
    reason = response.reason or http.client.responses.get(response.status, "")
    status = f"HTTP {response.status} {reason}".strip()
    if not 200 <= response.status <= 399:
        return response.status, status
    settings = exchange.settings
    text = exchange.response_body.text(response.headers.get_content_charset())
    if settings.error_match and settings.error_match.search(text):
        return 1, f"Response contains error match: {settings.error_match.pattern}"
    if settings.success_match and not settings.success_match.search(text):
        return 1, f"Response missing success match: {settings.success_match.pattern}"
    return 0, f"Success ({status})"


def report(
    exchange: Exchange, code: int, description: str, redactor: Redactor, elapsed_seconds: float
) -> None:
    """Send the result with everything that is known about the exchange."""
    protocol.log(description)
    spent = {"total": elapsed_seconds, **exchange.phases_seconds}
    message: dict[str, Any] = {
        "code": code,
        "description": description,
        "perf": {name: round(seconds, 4) for name, seconds in spent.items()},
        "markdown": markdown(exchange, description, redactor),
    }
    if data := output_data(exchange):
        message["data"] = data
    if exchange.download:
        message["files"] = exchange.download.attachment()
    protocol.send(**message)


@contextlib.contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raise `TimeLimitError` in a block that takes longer, even inside a regular expression."""
    signal.setitimer(signal.ITIMER_REAL, seconds or 0, ALARM_INTERVAL_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _ring(*_: object) -> NoReturn:
    raise TimeLimitError


if __name__ == "__main__":
    main()
