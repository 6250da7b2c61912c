"""Where a job runs: the servers that its targets name, and the one that is chosen."""

from typing import Any

from core.expressions import Budget, ExpressionError, compile_expression, truthy
from core.javascript import is_truthy, to_string
from engine.turn import Turn
from models.server import Server
from services.hosts import host_name

Document = dict[str, Any]

#: Ways to choose among several servers; with one host they all choose the same.
ALGORITHMS = frozenset(
    (
        *("random", "round_robin", "prefer_first_natural", "prefer_last_natural"),
        *("prefer_first", "prefer_last", "least_cpu", "least_mem", "fewest_jobs"),
    )
)

#: What a target expression may cost, in steps: many may be evaluated in one turn of the engine.
_MOST_STEPS = 5_000


class NoServer(Exception):
    """No server that is there and enabled matches the targets."""


class UnknownAlgorithm(Exception):
    """The event asks for a way of choosing that does not exist; the message is for people."""


def choose(turn: Turn, job: Document) -> Document:
    """The server for this job; raises `NoServer` or `UnknownAlgorithm`."""
    server = available(turn, job)
    if server is None:
        raise NoServer
    algorithm = job.get("algo")
    if algorithm not in ALGORITHMS:
        raise UnknownAlgorithm(f"Unknown algorithm or monitor: {algorithm}")
    return server


def available(turn: Turn, job: Document) -> Document | None:
    """The server that matches the job's targets; only this host can run jobs."""
    wanted = set(map(str, job.get("targets", [])))
    for server in turn.definitions(Server):
        if server.get("hostname") != host_name() or not server.get("enabled"):
            continue
        if wanted & {server["id"], *server.get("groups", [])} and _meets(server, job):
            return server
    return None


def _meets(server: Document, job: Document) -> bool:
    """Whether the job's target expression is true of a server; one that fails forbids nothing."""
    expression = job.get("expression")
    if not is_truthy(expression):
        return True
    try:
        compiled = compile_expression(to_string(expression))
        return truthy(compiled.evaluate(server, Budget(_MOST_STEPS)))
    except ExpressionError:
        return True


def chosen_text(server: Document, algorithm: str) -> str:
    """What the activity log says of the choice."""
    return f"Chosen server: {server.get('title') or server['hostname']} ({algorithm})"
