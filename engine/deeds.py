"""What actions do that need nothing but the job itself: tag it, label it, show its processes."""

from collections.abc import Callable, Mapping
from typing import Any

from core.formats import size_text
from services.macros import Macros

Document = dict[str, Any]
#: Takes the action and the job, which it may change; returns activity texts, and the outcome:
#: `code`, `description`, and `details` as Markdown where there is more to say.
Deed = Callable[[Document, Document], tuple[list[str], Document]]

#: The longest label, characters: macros may stand for much.
_MOST_LABEL_CHARS = 1000
#: The most processes that a snapshot lists, and the longest command line in it, characters.
_MOST_PROCESSES = 100
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
        "details": _process_table(job.get("procs")),
    }
    return [f"Taking snapshot of server: #{server}"], outcome


def _process_table(processes: Any) -> str:
    """Processes as a Markdown table, the hungriest first."""
    if not isinstance(processes, Mapping) or not processes:
        return "The job had no process that was measured.\n"
    lines = ["| PID | CPU | Memory | Command |", "| --- | --- | --- | --- |"]
    ranked = sorted(processes.items(), key=lambda item: -item[1].get("cpu", 0))
    for pid, process in ranked[:_MOST_PROCESSES]:
        command = str(process.get("command", ""))[:_MOST_COMMAND_CHARS].replace("|", "\\|")
        cpu, memory = process.get("cpu", 0), size_text(process.get("memRss", 0))
        lines.append(f"| {pid} | {cpu:g}% | {memory} | {' '.join(command.split())} |")
    if len(ranked) > _MOST_PROCESSES:
        lines.append(f"\n{len(ranked) - _MOST_PROCESSES} more processes are not shown.")
    return "\n".join(lines) + "\n"


DEEDS: Mapping[str, Deed] = {
    "label": _set_label,
    "snapshot": _take_snapshot,
    "tag": _add_tags,
}
