"""Output files: entries of all kinds, and what can go wrong with them."""

import os
from io import BytesIO

import pytest

from core import globs, stored_files
from engine import outputs


@pytest.fixture
def folder(tmp_path):
    """A job's working folder with some files."""
    folder = tmp_path / "work"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "c.log", "sub/d.txt"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def store(tmp_path, folder):
    """Store entries; what was stored and what is to be deleted."""
    instance = tmp_path / "instance"
    instance.mkdir()
    return lambda *entries: outputs.store(instance, "j1", outputs.Wanted(entries, folder))


def names(stored):
    return [file["filename"] for file in stored]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("a.txt", ["a.txt"]),
        ("*.txt", ["a.txt", "b.txt"]),
        ("**/*.txt", ["a.txt", "b.txt", "d.txt"]),
        ("sub/*", ["d.txt"]),
        ("*", ["a.txt", "b.txt", "c.log"]),
        ("none*", []),
        ("nosuchfile", []),
        (["a.txt"], ["a.txt"]),
        (["a.txt", "x.csv"], ["x.csv"]),
        (["a.txt", None], ["a.txt"]),
        ({"path": "a.txt"}, ["a.txt"]),
        ({"path": "a.txt", "filename": "y.csv"}, ["y.csv"]),
        ({"path": "[ab].txt"}, ["a.txt", "b.txt"]),
    ],
)
def test_what_entries_mean(store, entry, expected):
    stored, delete = store(entry)
    assert names(stored) == expected
    assert delete == []


def test_links_that_lead_back_do_not_keep_a_job_from_ending(store, folder, monkeypatch):
    monkeypatch.setattr(globs, "_MOST_LOOKS", 2000)
    for name in ("x", "y"):
        (folder / name).symlink_to(".")
    assert store("**/none") == ([], [])
    with pytest.raises(outputs.UploadError, match="Too many files to look through"):
        store("*/" * 40 + "none")


def test_a_path_with_a_name_is_literal(store, folder):
    (folder / "[x]*.txt").write_text("odd")
    stored, _ = store({"path": "[x]*.txt", "filename": "odd.txt"})
    assert stored[0]["size"] == 3


def test_absolute_paths_are_fine(store, tmp_path):
    (tmp_path / "outside.txt").write_text("12345")
    stored, _ = store(str(tmp_path / "outside.txt"))
    assert (names(stored), stored[0]["size"]) == (["outside.txt"], 5)


def test_the_record_of_a_file(store, tmp_path):
    ((file,), _) = store("a.txt")
    assert file["id"].startswith("f")
    assert (file["job"], file["size"]) == ("j1", 5)
    assert file["path"].startswith("files/jobs/j1/")
    assert (tmp_path / "instance" / file["path"]).read_text() == "a.txt"


@pytest.mark.parametrize("entry", [["a.txt", "", True], {"path": "a.txt", "delete": 1}])
def test_sources_to_delete_are_named_and_deleted_later(store, folder, entry):
    _, delete = store(entry)
    assert delete == [folder / "a.txt"]
    assert (folder / "a.txt").exists()
    outputs.delete_sources([*delete, *delete, folder / "gone"])
    assert not (folder / "a.txt").exists()


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"path": "gone", "filename": "x.txt"}, "x.txt: No such file or directory"),
        ({"path": "sub", "filename": "x.txt"}, "x.txt: "),
        ({"filename": "x.txt"}, ""),
        ({}, ""),
        ([], ""),
        ("", ""),
        (None, ""),
        (5, ""),
        (True, ""),
        ([None, "x"], ""),
        ("a\0b", ""),
        (["a\0b", "x"], ""),
        ({"path": "x" * 5000, "filename": "x.txt"}, "x.txt: File name too long"),
        ({"path": "a.txt/b", "filename": "x.txt"}, "x.txt: Not a directory"),
    ],
)
def test_bad_entries_are_upload_errors_that_say_which(store, entry, text):
    with pytest.raises(outputs.UploadError) as caught:
        store("a.txt", entry)
    assert str(caught.value).startswith(f"Failed to upload job file: {text}")


def test_what_is_no_file_is_refused_without_waiting(store, folder):
    os.mkfifo(folder / "pipe")
    with pytest.raises(outputs.UploadError):
        store({"path": "pipe", "filename": "pipe"})
    with pytest.raises(outputs.UploadError):
        store({"path": "/dev/zero", "filename": "zero"})


def test_odd_names_become_safe_ones(store):
    stored, _ = store({"path": "a.txt", "filename": '../../e"vil\n/<x>.txt'})
    assert "/" not in stored[0]["filename"]
    assert "<" not in stored[0]["filename"]
    assert ".." not in stored[0]["path"].split("/")


def test_a_link_is_followed_once(store, folder):
    (folder / "link").symlink_to("a.txt")
    (folder / "loop").symlink_to("loop")
    stored, _ = store({"path": "link", "filename": "l.txt"})
    assert stored[0]["size"] == 5
    with pytest.raises(outputs.UploadError):
        store({"path": "loop", "filename": "loop.txt"})


def test_what_was_sent_for_the_job_is_attached_already(store, tmp_path):
    sent = stored_files.store_for_job(tmp_path / "instance", "j1", BytesIO(b"x"), "sent.txt")
    other = stored_files.store_for_job(tmp_path / "instance", "j2", BytesIO(b"x"), "other.txt")
    entries = ["a.txt", sent.path, {"path": sent.path, "filename": "sent.txt"}, other.path]
    stored, _ = store(*entries)
    assert names(stored) == ["a.txt"]
