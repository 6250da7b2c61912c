"""Patterns of files: what they match is what the standard library's match, as far as it ends."""

import glob
import os
import subprocess
from pathlib import Path

import pytest

from core import globs


@pytest.fixture
def folder(tmp_path):
    """Some files and folders, some of them hidden, one a link, one not to be read."""
    for name in ("a.txt", "b[1].txt", ".hid", "s/c.txt", "s/t/d.txt", "s/.h/e.txt", "s/s/s/f"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "gone").symlink_to("nowhere")
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    [
        *("*", "**", "*.txt", ".*", "**/*.txt", "s/**", "s/**/*.txt", "**/**/d.txt", "**/s/**"),
        *("s/s/s/f", "s/s/*/f", "?.txt", "[ab].txt", "b[[]1].txt", "[z-a]", "[", "s/../*.txt"),
        *("gone", "./a.txt", "a.txt/x", "a.txt/*", "none/*", "x" * 5000, ".*/**", "s/.h/*"),
    ],
)
def test_patterns_mean_what_they_mean_elsewhere(folder, pattern):
    expected = glob.glob(pattern, root_dir=folder, recursive=True)
    found = {os.path.normpath(path or ".") for path in globs.matches(folder, pattern)}
    assert found - {"."} == {os.path.normpath(path or ".") for path in expected} - {"."}


def test_absolute_patterns_start_from_the_root(folder):
    assert list(globs.matches(folder / "s", f"{folder}/?.txt")) == [f"{folder}/a.txt"]


def test_folders_may_nest_deeper_than_calls_can(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for _ in range(1200):
        Path("d").mkdir()
        os.chdir("d")
    try:
        assert "a.txt" in set(globs.matches(folder, "**"))
    finally:
        # The library's own way can't.
        subprocess.run(["rm", "-rf", folder / "d"], check=True)


def test_links_to_folders_are_not_followed_at_any_depth(folder):
    (folder / "link").symlink_to("s")
    assert not any("link/" in path for path in globs.matches(folder, "**/*.txt"))
    assert "link/c.txt" in set(globs.matches(folder, "link/**"))
