"""Errands: what actions have to do in the outside world, as those who do it see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.config import Settings

Document = dict[str, Any]


@dataclass(frozen=True)
class Process:
    """A process that an errand needs: what it is started with, and how long it may take."""

    argv: list[str]
    #: The text of a file whose path follows the arguments, where there is one.
    script: str | None
    environment: Mapping[str, str]
    stdin: str
    #: What is masked in all that it prints.
    secrets: tuple[str, ...]
    #: Where it starts; empty: in a folder of its own, which goes with it.
    cwd: str
    user: str
    group: str
    seconds: float


@dataclass(frozen=True)
class Ran:
    """What came of such a process."""

    #: Its exit code, or the name of the signal that ended it.
    ended: int | str = 0
    #: Why it did not come to an end of its own, if it did not.
    failure: str | None = None
    #: The last message that it printed.
    message: Document = field(default_factory=dict)
    #: The beginnings of all that it printed besides, and of what went to stderr.
    output: str = ""
    errors: str = ""


class Interrupted(Exception):
    """This engine does not lead any more, or the errand has been recorded meanwhile."""


#: Runs a process for an errand, as the engine's launcher does, to its end. The same errand is
#: run once, also where engines die meanwhile. Raises `Interrupted`.
Runner = Callable[["Errand", Process], Ran]


def _nowhere(_errand: "Errand", _process: Process) -> Ran:
    raise NotImplementedError("processes are run by engines only")


@dataclass(frozen=True)
class Errand:
    """One action of a job that is to be done now; it may have been done before a crash already."""

    #: The same whenever the errand is repeated: receivers recognise repeats by it.
    id: str
    #: What caused it: `start`, `success` and so on, or `limited` for what a limit asks for.
    condition: str
    #: The action, or the limit, as it stands in the job.
    action: Document
    #: The job as get_job shows it at that moment, without its activity.
    job: Document
    settings: Settings
    run: Runner = _nowhere


@dataclass
class Outcome:
    """What came of an errand; it is recorded in the job."""

    #: Keys for the action: `code` (0, or what kind of failure), `description`, and, where there
    #: is more to say, `details` (Markdown) and `loc`.
    result: Document
    #: Texts for the job's activity log.
    texts: list[str] = field(default_factory=list)
    #: What is added to the job: these items to its lists (`jobs`, `tickets`), these members to its
    #: objects (`input`: members to `data`, items to `files`); all else is replaced.
    job: Document = field(default_factory=dict)


#: Does an errand, in a thread of the engine with an application context; it may take its time.
#: Expected failures are outcomes, not exceptions.
Performer = Callable[[Errand], Outcome]
