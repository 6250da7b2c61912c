"""The table of runs: live ones, and ended ones that the engine has not recorded yet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

from launcher.abort import Killer
from launcher.connection import Frame
from launcher.descriptors import DescriptorLimit
from launcher.loop import Loop
from launcher.order import Order, OrderError
from launcher.pipes import Drain
from launcher.run import Run, exit_record
from launcher.run_files import RunFiles
from launcher.samples import Sampler
from launcher.spawn import SpawnError, spawn


class EndedRun:
    """What is remembered of a run that has its exit record."""

    __slots__ = ("exit_record", "job", "pid")

    def __init__(self, job: str, pid: int, exit_record: dict[str, object]) -> None:
        self.job = job
        self.pid = pid
        #: Also on disk, unless the job has deleted its own folder.
        self.exit_record = exit_record


class Runs:
    """All runs of this launcher: begins them, ends them, says what became of them."""

    def __init__(
        self,
        loop: Loop,
        instance: str,
        publish: Callable[[Frame], None],
        on_idle: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._instance = instance
        self._publish = publish
        self._on_idle = on_idle
        self._boot = _boot_id()
        self._limit = DescriptorLimit()
        self._live: dict[str, Run] = {}
        self._ended: dict[str, EndedRun] = {}
        self._by_pid: dict[int, Run] = {}
        self._drain = Drain(loop, on_idle)
        self._killer = Killer(loop)
        self._sampler = Sampler(loop, self._live_runs, publish)

    @property
    def any_live(self) -> bool:
        return bool(self._live)

    @property
    def idle(self) -> bool:
        """Whether no process depends on this launcher any more."""
        return not self._live and self._drain.empty

    def overview(self) -> Iterator[Frame]:
        """All runs, as the reply to `hello` lists them."""
        for run in self._live.values():
            yield {"launch": run.launch, "job": run.job, "pid": run.pid, "ended": False}
        for launch, ended in self._ended.items():
            yield {
                "launch": launch,
                "job": ended.job,
                "pid": ended.pid,
                "ended": True,
                "exit": ended.exit_record,
            }

    def event_of(self, launch: str) -> Frame | None:
        """The newest event of a run: that it was spawned, or that it has ended."""
        run = self._live.get(launch)
        if run is not None:
            return _spawned(run)
        ended = self._ended.get(launch)
        return _exited(launch, ended) if ended is not None else None

    def launch(self, order: Order) -> Frame | None:
        """Start a run and publish that; return the event of one that exists already instead.

        Raises OrderError if nothing was started and the same order may come again.
        """
        event = self.event_of(order.launch)
        if event is not None:
            if event["job"] != order.job:
                raise OrderError("Another job has this launch id")
            return event
        files = RunFiles(self._instance, order.job, order.launch)
        try:
            files.create()
        except FileExistsError:
            return {"op": "unknown", "launch": order.launch, "job": order.job}
        except OSError as error:
            raise OrderError(f"{error.strerror}: {error.filename or files.path}") from error
        self._begin(order, files)
        return None

    def abort(self, launch: str, kill: str | None, grace_seconds: float) -> bool:
        """Begin to end a run; say whether it is live."""
        run = self._live.get(launch)
        if run is None:
            return False
        self._killer.abort(run, kill or run.kill, grace_seconds)
        return True

    def forget(self, launch: str) -> bool:
        """Drop an ended run; say whether it is gone from the table."""
        self._ended.pop(launch, None)
        return launch not in self._live

    def child_exited(self, pid: int, wait_status: int) -> None:
        """The reaper collected a child: the leader of a run, or an orphan."""
        run = self._by_pid.pop(pid, None)
        if run is not None:
            run.leader_exited(wait_status)
        self._killer.hurry()

    def _begin(self, order: Order, files: RunFiles) -> None:
        try:
            child = spawn(order, files, self._limit)
        except SpawnError as error:
            record = exit_record(0, error=str(error))
            with contextlib.suppress(OSError):
                files.write_exit(record)
            self._conclude(order.launch, EndedRun(order.job, 0, record))
            return
        run = Run(
            order,
            files,
            child,
            loop=self._loop,
            drain=self._drain,
            publish=self._publish,
            on_end=self._run_ended,
        )
        self._live[run.launch] = run
        self._by_pid[run.pid] = run
        run.write_meta(self._boot)
        self._publish(_spawned(run))
        self._sampler.wake()

    def _run_ended(self, run: Run) -> None:
        del self._live[run.launch]
        self._conclude(run.launch, EndedRun(run.job, run.pid, run.exit_record))

    def _conclude(self, launch: str, ended: EndedRun) -> None:
        """The exit record is on disk."""
        self._ended[launch] = ended
        self._publish(_exited(launch, ended))
        self._on_idle()

    def _live_runs(self) -> Iterable[Run]:
        return self._live.values()


def _spawned(run: Run) -> Frame:
    return {
        "op": "spawned",
        "launch": run.launch,
        "job": run.job,
        "pid": run.pid,
        "at": run.spawned,
    }


def _exited(launch: str, ended: EndedRun) -> Frame:
    return {"op": "exited", "launch": launch, "job": ended.job, "exit": ended.exit_record}


def _boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
