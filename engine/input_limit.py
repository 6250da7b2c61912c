"""The `file` limit: how many files, how large and of which kinds a job takes as its input."""

from collections.abc import Mapping
from typing import Any

from core import json
from engine.limits import first_limit
from services.hosts import our_name
from services.transitions import Row, activity

Document = dict[str, Any]
Files = list[Document]


def pruned(job: Mapping[str, Any], input_text: str | None) -> tuple[str | None, list[Row]]:
    """A job's input as JSON after its `file` limit, and what the activity log says of that."""
    limit = first_limit(job, "file")
    job_input: Document = json.loads(input_text) if input_text else {}
    files = job_input.get("files")
    if limit is None or not isinstance(files, list) or not files:
        return input_text, []
    entries = []
    for name, rule in _RULES.items():
        kept = rule(limit, files)
        if len(kept) < len(files):
            text = f"Pruned {len(files) - len(kept)} files from input ({name})"
            entries.append(activity(text, our_name()))
        files = kept
    return (json.dumps({**job_input, "files": files}) if entries else input_text), entries


def _by_amount(limit: Mapping[str, Any], files: Files) -> Files:
    amount = limit.get("amount")
    return files if amount is None else files[: max(0, int(amount))]


def _by_size(limit: Mapping[str, Any], files: Files) -> Files:
    """The first files that are together no larger than allowed."""
    most, total = limit.get("size") or 0, 0.0
    if not most:
        return files
    for place, file in enumerate(files):
        size = file.get("size")
        total += size if isinstance(size, (int, float)) else 0
        if total > most:
            return files[:place]
    return files


def _by_kind(limit: Mapping[str, Any], files: Files) -> Files:
    """The files whose names end as one of the accepted ones."""
    kinds = [kind.strip().lower() for kind in str(limit.get("accept") or "").split(",")]
    ends = tuple(kind for kind in kinds if kind)
    return [file for file in files if _name(file).endswith(ends)] if ends else files


def _name(file: Mapping[str, Any]) -> str:
    return str(file.get("filename") or "").lower()


_RULES: Mapping[str, Any] = {
    "file amount limit exceeded": _by_amount,
    "file size limit exceeded": _by_size,
    "file extension match": _by_kind,
}
