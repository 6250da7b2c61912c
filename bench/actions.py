"""What a web hook at the start and a mail at the end cost: jobs with both, beside plain ones."""

import time

from bench.client import UnexpectedReplyError
from bench.figures import Bare, Figure, report
from bench.server import Switchyard
from bench.sinks import HookSink, MailSink
from bench.throughput import CLIENTS, JOBS, await_end, submit

#: The part of the plain rate that is left when there are actions.
_LEAST_RATIO = 0.5
_SCRIPT = "#!/bin/sh\ntrue\n"


def measure() -> list[Figure]:
    """Jobs a second, from the first submission until the last one is in the history."""
    with HookSink() as hooks, MailSink() as mails:
        settings = {
            "SWITCHYARD_SMTP_HOST": "127.0.0.1",
            "SWITCHYARD_SMTP_PORT": str(mails.port),
            "SWITCHYARD_SMTP_TLS": "none",
        }
        with Switchyard(settings) as server:
            plain, acting = server.create_event(_SCRIPT), _acting(server, hooks.port)
            for event in (plain, acting):
                _rate(server, event, CLIENTS)
            rates = [_rate(server, event, JOBS) for event in (plain, acting)]
        if (hooks.count, mails.count) != (JOBS + CLIENTS, JOBS + CLIENTS):
            raise UnexpectedReplyError(f"{hooks.count} web hooks and {mails.count} mails came")
    bare = Bare("plain jobs", rates[0])
    return [
        Figure(f"{JOBS} jobs, each with a web hook and a mail", rates[1], "jobs/s", bare),
        Figure("their rate in that of plain jobs", rates[1] / rates[0], "", at_least=_LEAST_RATIO),
    ]


def _acting(server: Switchyard, port: int) -> str:
    """An event whose jobs call a web hook at their start and send mail at their success."""
    with server.connect() as connection:
        hook = connection.call(
            "create_web_hook/v1",
            title="Benchmark",
            enabled=True,
            method="POST",
            url=f"http://127.0.0.1:{port}/",
            headers=[{"name": "Content-Type", "value": "application/json"}],
            body='{"text":"{{ text }}"}',
        )["web_hook"]["id"]
    call = {"type": "web_hook", "condition": "start", "enabled": True, "web_hook": hook}
    mail = {"type": "email", "condition": "success", "enabled": True, "users": []}
    return server.create_event(_SCRIPT, actions=[call, mail | {"email": "bench@example.com"}])


def _rate(server: Switchyard, event: str, count: int) -> float:
    started = time.monotonic()
    ids = submit(server, event, count)
    with server.connect() as connection:
        await_end(connection, ids)
        return count / (time.monotonic() - started)


if __name__ == "__main__":
    report(measure)
