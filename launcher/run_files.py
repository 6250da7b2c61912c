"""The directory of one run: everything in it but what the job prints."""

from __future__ import annotations

import contextlib
import errno
import json
import os

from launcher.account import Account

#: The exit record has its blocks from the start, so that a full disk cannot lose it.
EXIT_BYTES = 4096
META_BYTES = 512
#: Longer texts of spawn errors are cut, so that the record fits.
MAX_ERROR_CHARACTERS = 500


class RunFiles:
    """`runs/<job>/<launch>/`: script, working directory, `meta` and exit record."""

    def __init__(self, instance: str, job: str, launch: str) -> None:
        self._parents = (f"{instance}/runs", f"{instance}/runs/{job}")
        self.path = f"{instance}/runs/{job}/{launch}"
        self.work = f"{self.path}/work"
        #: Where the engine has put input files, if there are any: the working directory then.
        self.prepared = f"{self.path}_work"
        self.script = f"{self.path}/script"

    def create(self) -> None:
        """Make the directory; FileExistsError tells that this launch was made before.

        Any other OSError means that nothing is left of it and nothing has started.
        """
        for parent in self._parents:
            with contextlib.suppress(FileExistsError):
                os.mkdir(parent, 0o700)
        os.mkdir(self.path, 0o700)
        try:
            self._write("exit", b"".ljust(EXIT_BYTES))
            self._write("meta", b"".ljust(META_BYTES))
            os.mkdir(self.work, 0o700)
        except OSError:
            self._remove()
            raise

    def give_to(self, account: Account) -> None:
        """Let the job's user reach its working directory; it may pass through, not look."""
        if account.uid is None and account.gid is None:
            return
        for directory in (*self._parents, self.path):
            os.chmod(directory, 0o711)  # noqa: S103 - without it the job reaches nothing
        for path in (self.work, *self._inputs()):
            os.chown(path, _or_keep(account.uid), _or_keep(account.gid), follow_symlinks=False)

    def _inputs(self) -> list[str]:
        """The prepared working directory, and the files in it."""
        try:
            names = os.listdir(self.prepared)
        except FileNotFoundError:
            return []
        return [self.prepared, *(f"{self.prepared}/{name}" for name in names)]

    def write_script(self, text: bytes, account: Account) -> None:
        """Write the script and close it: a script open for writing cannot be executed."""
        self._write("script", text)
        os.chmod(self.script, 0o700)
        os.chown(self.script, _or_keep(account.uid), _or_keep(account.gid))

    def write_meta(self, meta: dict[str, object]) -> None:
        self._write("meta", json.dumps(meta).encode().ljust(META_BYTES))

    def write_exit(self, record: dict[str, object]) -> None:
        self._write("exit", json.dumps(record).encode().ljust(EXIT_BYTES))

    def _write(self, name: str, data: bytes) -> None:
        """Write a small file from its start, in one call and over its old blocks."""
        fd = os.open(f"{self.path}/{name}", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            if os.write(fd, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(fd)

    def _remove(self) -> None:
        for name in ("exit", "meta"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self.path}/{name}")
        with contextlib.suppress(OSError):
            os.rmdir(self.path)


def _or_keep(number: int | None) -> int:
    return -1 if number is None else number
