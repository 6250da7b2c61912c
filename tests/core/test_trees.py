"""Folders are deleted however deep they are."""

import os
import subprocess

from core import trees

DEPTH = 3000


def make_deep(root):
    """More levels than calls can be nested, whose path no call takes as a whole."""
    root.mkdir()
    folder = os.open(root, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)


def test_a_deep_folder_is_deleted(tmp_path):
    root = tmp_path / "deep"
    try:
        make_deep(root)
        trees.delete(root)
        assert not root.exists()
    finally:
        # What is left would stop pytest when it cleans up.
        subprocess.run(["/bin/rm", "-rf", str(root)], check=True)


def test_what_is_not_there_is_no_error(tmp_path):
    trees.delete(tmp_path / "missing")
