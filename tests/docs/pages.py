"""The documentation as tests see it: its pages, code blocks and links."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: The size of one file of the small environment.
_MODULE_BYTES = 200 * 1024

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def read(name):
    """One page's text."""
    return (ROOT / name).read_text()


def everything():
    """All pages that users and maintainers read, by their paths."""
    return sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])


def blocks(text, language):
    """The code blocks in a language, in their order."""
    return [body for name, body in _BLOCK.findall(text) if name == language]


def code(text):
    """All code blocks in their order, with their languages."""
    return _BLOCK.findall(text)


def section(text, heading):
    """What stands under a heading, up to the next one of any level."""
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"no heading {heading!r}"
    return re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]


def workshop(folder):
    """A folder that looks like a checkout after `make serve`, with a small environment."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name not in {".venv", "instance"}:
            (folder / path.name).symlink_to(path)
    flask = folder / ".venv" / "bin" / "flask"
    flask.parent.mkdir(parents=True)
    flask.write_text(f'#!/bin/sh\nexec {sys.executable} -m flask "$@"\n')
    flask.chmod(0o755)
    library = folder / ".venv" / "lib"
    library.mkdir()
    for number in range(200):
        # Random bytes: what can't be compressed takes long enough to be watched.
        (library / f"module{number}.py").write_bytes(os.urandom(_MODULE_BYTES))
    return folder


def paste(script, folder, server):
    """Run code as if it were pasted into bash beside a server; the finished process."""
    kept = {key: value for key, value in os.environ.items() if "SWITCHYARD" not in key}
    ours = {
        "SWITCHYARD_INSTANCE_PATH": str(server.instance),
        "SWITCHYARD_BIND": f"127.0.0.1:{server.port}",
    }
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=kept | ours,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
