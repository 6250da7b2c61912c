"""The command with which a launcher starts a job's process, and the input files that go first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core import blobs, json, masking, stored_files
from core.formats import size_text
from core.sealing import SealError
from engine import environment
from engine.turn import Turn
from models.plugin import Plugin
from models.secret import Secret
from models.server import Server
from services import secrets
from services.transitions import Row, activity

Document = dict[str, Any]

#: Variables that are left out and noted one by one.
_MOST_NOTES = 20
_NO_INPUT = "Setup Error: Error: Failed to download job file"


def again(turn: Turn, row: Any) -> Document | None:
    """The launch command of a job that is active already: the launcher may not have got it.

    Nothing where its secrets can't be had any more.
    """
    job: Document = json.loads(row.doc)
    plugin = turn.definition(Plugin, job["plugin"]) or {}
    try:
        frame, _, _ = build(turn, row, job, plugin, row.launch)
    except SealError:
        return None
    return frame


def build(
    turn: Turn, row: Any, job: Document, plugin: Document, launch_id: str
) -> tuple[Document, str, list[Row]]:
    """The launch command, the process's folder, and what the activity log has to say of it.

    Raises `SealError` where the job's secrets can't be unsealed.
    """
    job_input = json.loads(row.input) if row.input else None
    inputs = _inputs(job_input)
    run = blobs.run_dir(turn.settings["INSTANCE_PATH"], row.id, launch_id)
    # The launcher makes the usual folder; one for input files has to be there before.
    folder = str(blobs.work_folders(run)[0 if inputs else 1])
    around = environment.Surroundings(
        folder=folder,
        cwd=plugin.get("cwd") or folder,
        server_data=_server_data(turn, job["server"]),
        secrets=secrets.of_job(turn.connection, turn.definitions(Secret), job, turn.settings),
    )
    variables, left_out = environment.variables(job, job_input, around, turn.settings)
    frame = {
        "op": "launch",
        "launch": launch_id,
        "job": row.id,
        **environment.command(job, plugin, variables),
        "cwd": around.cwd if inputs or around.cwd != folder else None,
        "env": variables,
        "stdin": environment.stdin(job, job_input, around, turn.settings),
        "uid": str(job.get("uid") or ""),
        "gid": str(job.get("gid") or ""),
        "kill": job.get("kill") or "parent",
        "secrets": masking.forms(around.secrets.values()),
        "inputs": inputs,
        "folder": folder,
    }
    notes = [activity(text, job["server"]) for text in _left_out_texts(left_out)]
    return frame, around.cwd, [*input_entries(inputs, job["server"]), *notes]


def _server_data(turn: Turn, server_id: str) -> Document:
    server = turn.definition(Server, server_id) or {}
    data = server.get("userData")
    return data if isinstance(data, dict) else {}


def _left_out_texts(names: Sequence[str]) -> list[str]:
    """What the activity log says of variables that no environment can hold."""
    told = [
        f"WARNING: Variable is too long for the environment: {name}" for name in names[:_MOST_NOTES]
    ]
    if len(names) > _MOST_NOTES:
        more = len(names) - _MOST_NOTES
        told.append(f"WARNING: {more} more variables do not fit into the environment.")
    return told


def _inputs(job_input: Document | None) -> list[Document]:
    files = (job_input or {}).get("files")
    entries = files if isinstance(files, list) else []
    return [entry for entry in entries if isinstance(entry, dict)]


def fetch_inputs(instance: Path, entries: Sequence[Document], folder: Path) -> str | None:
    """Copy a job's input files into its folder; says what went wrong, if anything did."""
    for entry in entries:
        name = stored_files.shown_name(str(entry.get("filename") or "file"))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            found = stored_files.copy_file(instance, str(entry.get("path") or ""), folder / name)
        except OSError as error:
            return f"{_NO_INPUT}: {name}: {error.strerror}"
        if not found:
            return f"{_NO_INPUT}: {name}: HTTP 404 Not Found"
    return None


def input_entries(entries: Sequence[Document], server: str) -> list[Row]:
    """What the activity log says of the input files."""
    return [
        activity(f"Downloading file: {entry.get('filename')} ({size_text(_size(entry))})", server)
        for entry in entries
    ]


def _size(entry: Document) -> int:
    size = entry.get("size")
    return size if isinstance(size, int) else 0
