"""Starting one process: its streams, its user, its environment."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess

from launcher.account import Account, AccountError
from launcher.descriptors import DescriptorLimit
from launcher.order import Order
from launcher.process import MARKER
from launcher.run_files import MAX_ERROR_CHARACTERS, RunFiles


class SpawnError(Exception):
    """The process did not come to life; the text says why."""


class Child:
    """A started process and the reading ends of its output pipes."""

    def __init__(self, pid: int, stdout: int, stderr: int, stdio: set[str]) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        #: Its standard streams as /proc/PID/fd shows them.
        self.stdio = stdio


def spawn(order: Order, files: RunFiles, limit: DescriptorLimit) -> Child:
    """Start what the order asks for, or raise SpawnError."""
    try:
        account = _prepare(order, files)
        return _start(order, files, account, limit)
    except AccountError as error:
        raise SpawnError(_cut(str(error))) from error
    except OSError as error:
        name = os.fsdecode(error.filename or _command(order, files)[0])
        raise SpawnError(_cut(f"{error.strerror}: {name}")) from error
    except ValueError as error:
        # A null byte, or an equals sign in the name of a variable.
        raise SpawnError(_cut(str(error))) from error


def _prepare(order: Order, files: RunFiles) -> Account:
    """Let the one who is to run the job have its files; only root may give files away."""
    account = Account(order.user, order.group)
    try:
        files.give_to(account)
        if order.script is not None:
            files.write_script(order.script, account)
    except PermissionError as error:
        if error.errno != errno.EPERM:
            raise
        who = ":".join(filter(None, (order.user, order.group)))
        raise AccountError(f"No right to run as: {who}") from error
    return account


def _start(order: Order, files: RunFiles, account: Account, limit: DescriptorLimit) -> Child:
    with contextlib.ExitStack() as parent_side, contextlib.ExitStack() as child_side:
        stdin = _stdin(order)
        child_side.callback(os.close, stdin)
        readers, writers = [], []
        for _ in ("stdout", "stderr"):
            reader, writer = os.pipe2(os.O_CLOEXEC)
            parent_side.callback(os.close, reader)
            child_side.callback(os.close, writer)
            os.set_blocking(reader, False)
            if account.uid is not None:
                # Else a job of another user could not open its own /dev/stdout.
                os.fchown(writer, account.uid, -1)
            readers.append(reader)
            writers.append(writer)
        stdio = {os.readlink(f"/proc/self/fd/{fd}") for fd in (stdin, *readers)}
        with limit.ordinary():
            pid = _execute(order, files, account, (stdin, writers[0], writers[1]))
        parent_side.pop_all()
        return Child(pid, readers[0], readers[1], stdio)


def _stdin(order: Order) -> int:
    """A file in memory: a job that never reads its input holds nobody up."""
    fd = os.memfd_create(f"stdin-{order.launch}")
    try:
        unwritten = memoryview(order.stdin)
        while unwritten:
            unwritten = unwritten[os.write(fd, unwritten) :]
        os.lseek(fd, 0, os.SEEK_SET)
    except OSError:
        os.close(fd)
        raise
    return fd


def _execute(order: Order, files: RunFiles, account: Account, streams: tuple[int, int, int]) -> int:
    command = _command(order, files)
    if order.argv is None and not _names_interpreter(order.script or b""):
        # The kernel would answer ENOEXEC; asking it would cost a second fork.
        return _popen(order, files, account, streams, [b"/bin/sh", *command])
    try:
        return _popen(order, files, account, streams, command)
    except OSError as error:
        if error.errno != errno.ENOEXEC or order.argv is not None:
            raise
    return _popen(order, files, account, streams, [b"/bin/sh", *command])


def _names_interpreter(script: bytes) -> bool:
    return script.startswith((b"#!", b"\x7fELF"))


def _popen(
    order: Order,
    files: RunFiles,
    account: Account,
    streams: tuple[int, int, int],
    command: list[bytes],
) -> int:
    cwd = order.cwd or os.fsencode(files.work)
    process = subprocess.Popen(
        command,
        stdin=streams[0],
        stdout=streams[1],
        stderr=streams[2],
        cwd=cwd,
        env=_environment(order, cwd),
        start_new_session=True,
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
    )
    # The reaper collects it; Popen must never wait for a number that is ours to free.
    process.returncode = 0
    return process.pid


def _command(order: Order, files: RunFiles) -> list[bytes]:
    script = [os.fsencode(files.script)] if order.script is not None else []
    return [*(order.argv or ()), *script]


def _environment(order: Order, cwd: bytes) -> dict[bytes, bytes]:
    """The marker stands last, so that no variable of the job can take its place."""
    environment = dict(order.environment)
    environment[b"PWD"] = cwd
    environment.pop(MARKER, None)
    environment[MARKER] = order.launch.encode()
    return environment


def _cut(text: str) -> str:
    return text[:MAX_ERROR_CHARACTERS]
