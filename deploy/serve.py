"""`make serve`: prepares the instance, then keeps the web server and the engine alive.

It is the parent of gunicorn and the engine. The launcher and its jobs are nobody's business here:
they run on while everything else restarts or ends.
"""

import errno
import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parent.parent
# Started by path, Python looks for modules in this folder only.
sys.path.insert(0, str(ROOT))

from core import config  # noqa: E402 - see above
from deploy.address import HealthProbe, listen  # noqa: E402
from deploy.children import Command, spawn  # noqa: E402
from deploy.supervisor import (  # noqa: E402
    BUSY_LOOK_SECONDS,
    GRACE_SECONDS,
    LOOK_SECONDS,
    Supervisor,
    block_signals,
    stop_arrives,
)

#: How long the children of a killed supervisor may keep the address.
PREDECESSOR_SECONDS = 10.0


def main() -> None:
    """Run until a signal says stop; what prevents the start ends it with one line, status 1."""
    block_signals()
    try:
        settings = config.load()
    except config.ConfigError as error:
        _fail(str(error))
    instance: Path = settings["INSTANCE_PATH"]
    with _only_one(instance) as predecessor_was_killed:
        patience = PREDECESSOR_SECONDS if predecessor_was_killed else 0.0
        with _listener(settings["BIND"], patience) as listener:
            # When the server was started, whenever one of its programs is.
            started = {"SWITCHYARD_STARTED": str(time.time())}
            env = {**os.environ, "SWITCHYARD_INSTANCE_PATH": str(instance), **started}
            _set_up(env)
            _supervise(settings, listener, env)


def _supervise(settings: config.Settings, listener: socket.socket, env: Mapping[str, str]) -> None:
    """Keep web and engine alive until told to stop."""
    web = Command(
        name="The web server",
        argv=_python(
            *("gunicorn", "-c", str(ROOT / "gunicorn.conf.py")),
            *("--bind", f"fd://{listener.fileno()}", "wsgi:app"),
        ),
        cwd=ROOT,
        env=env,
        pass_fds=(listener.fileno(),),
    )
    engine = Command(
        name="The engine",
        argv=_python("flask", "--app", "app", "engine"),
        cwd=ROOT,
        env=env,
        heartbeat=settings["INSTANCE_PATH"] / "engine.beat",
    )
    Supervisor(
        [web, engine],
        is_ready=HealthProbe(listener).answers,
        ready_line=f"Switchyard is ready at http://{settings['BIND']}",
        # Who connects while the children end is refused instead of left waiting.
        on_stop=listener.close,
    ).run()


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _set_up(env: Mapping[str, str]) -> None:
    """Migrate the database and make the keys; ends the program if that fails."""
    process = spawn(Command("Setup", _python("flask", "--app", "app", "setup"), ROOT, env))
    while process.poll() is None:
        if stop_arrives(LOOK_SECONDS):
            _give_up(process)
    if process.returncode:
        _fail("The instance could not be set up; see above.")


def _give_up(setup: subprocess.Popen[bytes]) -> NoReturn:
    """End the setup and this program, because a signal says stop."""
    setup.terminate()
    try:
        setup.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        setup.kill()
    sys.exit(0)


@contextmanager
def _only_one(instance: Path) -> Iterator[bool]:
    """Hold the instance's lock; yields whether the last holder was killed while it ran."""
    try:
        instance.mkdir(mode=0o711, parents=True, exist_ok=True)
        lock = (instance / "serve.lock").open("a+")
    except OSError as error:
        _fail(f"The instance folder can't be used: {error}")
    with lock:
        lock.seek(0)
        holder = lock.read()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _fail(f"Process {holder} serves this instance already: {instance}")
        try:
            _write_holder(lock, str(os.getpid()))
            yield bool(holder)
        finally:
            # An empty file says that this supervisor has ended all its children.
            _write_holder(lock, "")


def _write_holder(lock: IO[str], holder: str) -> None:
    lock.truncate(0)
    lock.write(holder)
    lock.flush()


def _listener(bind: str, patience_seconds: float) -> socket.socket:
    """Listen on the address; waits for it as long as a killed predecessor may hold it."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            return listen(bind)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                _fail(
                    f"Can't listen on {bind}: {error.strerror}. "
                    "SWITCHYARD_BIND=HOST:PORT sets another address."
                )
        if stop_arrives(BUSY_LOOK_SECONDS):
            sys.exit(0)


def _fail(line: str) -> NoReturn:
    print(f"Switchyard: {line}", file=sys.stderr, flush=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
