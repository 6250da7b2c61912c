"""Errands: what actions have to do in the outside world, as those who do it see it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.config import Settings

Document = dict[str, Any]


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
