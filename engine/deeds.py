"""What actions do that need nothing but the job itself: tag it, label it, show its processes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from core.formats import size_text
from services.macros import Macros

Document = dict[str, Any]
#: Takes the action and the job, which it may change; returns activity texts, and the outcome:
#: `code`, `description`, and `details` as Markdown where there is more to say.
Deed = Callable[[Document, Document], tuple[list[str], Document]]

#: The longest label, characters: macros may stand for much.
_MOST_LABEL_CHARS = 1000
#: The most processes that a snapshot lists, and the most connections.
_MOST_PROCESSES = 100
#: The longest command line in it, characters.
_MOST_COMMAND_CHARS = 200


def _add_tags(action: Document, job: Document) -> tuple[list[str], Document]:
    given = action.get("tags")
    tags = [str(tag) for tag in given] if isinstance(given, list) else []
    job["tags"] = list(dict.fromkeys([*job.get("tags", []), *tags]))
    text = f"Adding tags to job: {{{', '.join(tags)}}}"
    return [text], {"code": 0, "description": "Successfully added tags."}


def _set_label(action: Document, job: Document) -> tuple[list[str], Document]:
    macros = Macros(job, undefined="n/a")
    job["label"] = macros.expand(str(action.get("label", "")))[:_MOST_LABEL_CHARS]
    text = f"Applying label to job: {job['label']}"
    return [text], {"code": 0, "description": "Successfully applied label."}


def _take_snapshot(_action: Document, job: Document) -> tuple[list[str], Document]:
    """Keep what the job's processes looked like when they were last measured."""
    server = job.get("server")
    if not server:
        text = "Failed to take snapshot: No server selected for job."
        return [], {"code": "snapshot", "description": text}
    outcome = {
        "code": 0,
        # The word is misspelt, and clients know it so.
        "description": f"Succesfully took snapshot of server: {server}",
        "details": _process_table(job.get("procs")) + _connection_table(job.get("conns")),
    }
    return [f"Taking snapshot of server: #{server}"], outcome


def _process_table(processes: Any) -> str:
    """Processes as a Markdown table, the hungriest first."""
    if not isinstance(processes, Mapping) or not processes:
        return "The job had no process that was measured.\n"
    ranked = sorted(processes.values(), key=lambda process: -process.get("cpu", 0))
    rows = [
        (
            process.get("pid", ""),
            f"{process.get('cpu', 0):g}%",
            size_text(process.get("memRss", 0)),
            size_text(process.get("disk", 0)),
            f"{size_text(process.get('net', 0))}/s",
            str(process.get("command", ""))[:_MOST_COMMAND_CHARS],
        )
        for process in ranked[:_MOST_PROCESSES]
    ]
    text = _table(("PID", "CPU", "Memory", "Disk I/O", "Network", "Command"), rows)
    hidden = len(ranked) - _MOST_PROCESSES
    return text if hidden <= 0 else f"{text}\n{hidden} more processes are not shown.\n"


def _connection_table(connections: Any) -> str:
    """Connections as a Markdown table; nothing where there is none."""
    if not isinstance(connections, list) or not connections:
        return ""
    keys = ("pid", "type", "state", "local_addr", "remote_addr")
    rows = [
        (*(one.get(key, "") for key in keys), size_text(one.get("bytes", 0)))
        for one in connections[:_MOST_PROCESSES]
    ]
    return "\n" + _table(("PID", "Type", "State", "Local", "Remote", "Bytes"), rows)


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; what cells hold can't break it."""
    lines = [titles, ["---"] * len(titles), *(map(_cell, row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


DEEDS: Mapping[str, Deed] = {
    "label": _set_label,
    "snapshot": _take_snapshot,
    "tag": _add_tags,
}
