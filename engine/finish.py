"""From a process's exit to the end of its job: the result, the output files, the record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import blobs, json, timelines
from core.timelines import Timelines
from engine import content, ending, environment
from engine.limits import RETRY_ALLOWED
from engine.outputs import Wanted, owner_of
from engine.turn import Run, Turn
from models.job import Job
from models.plugin import Plugin
from services.codes import NO_DESCRIPTION
from services.transitions import Row, State, activity

Document = dict[str, Any]

#: What of a script's error output goes into its description, characters.
_LONGEST_REASON = 256
#: How the launcher begins what it says of users and groups as whom it can't run anything.
_ACCOUNT_ERRORS = ("User does not exist", "Group does not exist", "No right to run as")
NO_RESULT = "Process exited without reporting job completion."
LOST = "The job's process was lost: its launcher ended unexpectedly."


@dataclass(frozen=True)
class Kept:
    """What is kept of an ended run beside its log."""

    #: The stored output files.
    files: Sequence[Document] = ()
    #: The files that they were made of, to be deleted after the commit.
    delete: Sequence[Path] = ()
    #: Why output files could not be stored.
    failure: str | None = None
    measured: Timelines = timelines.NONE


def read_exit(folder: Path) -> Document | None:
    """The exit record of a run; nothing when the launcher has not written it."""
    try:
        text = (folder / "exit").read_bytes().strip(b" \0\n")
    except FileNotFoundError:
        return None
    try:
        return json.loads(text) if text else None
    except json.JSONError:
        return None


def close(turn: Turn, run: Run, exit_record: Mapping[str, Any], folder: Path) -> Wanted | None:
    """Record how a process ended; all its messages have been applied.

    Returns the output files, which have to be stored before `complete()`; the job is in state
    `finishing` until then. None when another launch owns the job by now.
    """
    row = Job.load(turn.connection, run.job)
    if row is None or row.final or row.launch != run.launch:
        return None
    if row.state == State.FINISHING:
        return _wanted(row, json.loads(row.results or "{}"), folder)
    server = row.server or ""
    reported = json.loads(row.results) if row.results else {}
    plugin = turn.definition(Plugin, _plugin_id(row)) or {}
    outcome = reported if reported.get("complete") else _outcome(exit_record, plugin, folder)
    if outcome.get("code") and not outcome.get("description") and reported.get("complete"):
        outcome = outcome | {"description": NO_DESCRIPTION}
    results = {"complete": True, **outcome}
    if plugin.get("command") == environment.SHELL:
        results |= _shell_extras(row, reported, folder)
    Job.patch(
        turn.connection,
        run.job,
        columns={"state": State.FINISHING},
        doc={RETRY_ALLOWED: True} if exit_record.get("lost") else {},
        results=results,
        known_results=reported,
        live={"progress": 1},
        activity=_exit_entries(exit_record, server),
    )
    return _wanted(row, reported | results, folder)


def _plugin_id(row: Any) -> str:
    return str(json.loads(row.doc).get("plugin"))


def _exit_entries(exit_record: Mapping[str, Any], server: str) -> list[Row]:
    how = exit_record.get("signal") or exit_record.get("code")
    spawned = exit_record.get("pid") and how is not None
    entries = [activity(f"Child exited with code: {how}", server)] if spawned else []
    if exit_record.get("error"):
        # The description has the API's words, which don't say why.
        entries = [activity(f"WARNING: {exit_record['error']}", server)]
    return [*entries, activity("Job is finishing", server)]


def _outcome(exit_record: Mapping[str, Any], plugin: Document, folder: Path) -> Document:
    """The result of a process that reported none."""
    if exit_record.get("setup"):
        return {"code": 1, "description": exit_record["setup"]}
    if exit_record.get("lost"):
        return {"code": "abort", "description": LOST}
    if exit_record.get("error"):
        return {"code": 1, "description": _spawn_error(exit_record["error"], plugin)}
    if plugin.get("command") == environment.SHELL:
        return _shell_outcome(exit_record, folder)
    if exit_record.get("code"):
        code, pid = exit_record["code"], exit_record.get("pid")
        return {"code": code, "description": f"Child {pid} crashed with code: {code}"}
    return {"code": "warning", "description": NO_RESULT, "unknown": 1}


def _spawn_error(error: str, plugin: Document) -> str:
    if error.startswith(_ACCOUNT_ERRORS):
        return f"Plugin Error: {error}"
    if plugin.get("command") == environment.SHELL:
        return f"Script failed: {error}"
    return (
        f"Child spawn error: {plugin.get('command')}: Child process failed to spawn"
        " (Check executable location and permissions?)"
    )


def _shell_outcome(exit_record: Mapping[str, Any], folder: Path) -> Document:
    """A script's result is its exit code, its reason the first line of its error output."""
    code = exit_record.get("signal") or exit_record.get("code") or 0
    if not code:
        return {"code": 0, "description": ""}
    first_line = _error_output(folder).strip().split("\n", 1)[0]
    reason = f": {first_line}" if first_line and len(first_line) < _LONGEST_REASON else ""
    return {"code": code, "description": f"Script exited with code: {code}{reason}"}


def _error_output(folder: Path) -> str:
    """The beginning of what a script wrote to stderr."""
    try:
        return (folder / "stderr").read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _shell_extras(row: Any, reported: Document, folder: Path) -> Document:
    """What only scripts have: their error output as content, their input passed on as data."""
    extras: Document = {}
    text = _error_output(folder).strip()
    if text and "html" not in reported:
        extras["html"] = {"title": "Error Output", "content": content.preformatted(text)}
    params = json.loads(row.doc).get("params", {})
    data = json.loads(row.input).get("data") if row.input and params.get("pass") else None
    if isinstance(data, dict):
        extras["data"] = data | reported.get("data", {})
    return extras


def _wanted(row: Any, results: Document, folder: Path) -> Wanted:
    """The output files that the plugin named, and the log file that it may have written itself."""
    named = results.get("files")
    entries = list(named) if isinstance(named, list) else [] if named is None else [named]
    prepared, usual = blobs.work_folders(folder)
    work = prepared if prepared.exists() else usual
    name = environment.log_name(row.id)
    if (work / name).is_file():
        # By its whole path: the process may have worked somewhere else.
        entries.append({"path": str(work / name), "filename": name, "delete": True})
    return Wanted(entries, Path(json.loads(row.doc).get("cwd") or work), owner_of(work))


def complete(turn: Turn, run: Run, kept: Kept) -> None:
    """End a finishing job, with what was kept of its run."""
    row = Job.load(turn.connection, run.job)
    if row is None or row.final or row.launch != run.launch:
        turn.over.append((run.job, run.launch))
        return
    if row.state == State.COMPLETE:
        # Done before; the news of the commit got lost.
        return
    server = row.server or ""
    entries = [activity(f"Uploading file: {file['filename']}", server) for file in kept.files]
    is_aborted = json.loads(row.doc).get("aborting")
    failed = kept.failure and not is_aborted
    results = {"code": "upload", "description": kept.failure} if failed else {}
    if entries or results:
        Job.patch(turn.connection, run.job, results=results, activity=entries)
    files = [] if kept.failure else [file | {"server": row.server} for file in kept.files]
    ending.finalize(turn, run.job, files, kept.measured)
