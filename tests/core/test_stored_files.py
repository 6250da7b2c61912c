"""Where files lie: keys that can't escape, names, links, deletion."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import stored_files
from core.spool import Spool
from core.stored_files import StoredFile

JOB = "jmabc123xy"


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


def spool(instance: Path, *parts: bytes) -> Spool:
    files = instance / "files"
    files.mkdir(parents=True, exist_ok=True)
    made = Spool(files)
    for part in parts:
        made.write(part)
    return made


def content(instance: Path, stored: StoredFile) -> bytes:
    descriptor = stored_files.open_file(instance, stored.path)
    assert descriptor is not None
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def write_file(instance: Path, name: str, data: bytes = b"data") -> Path:
    folder = instance / "runs" / JOB / "work"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    return path


def test_an_output_file_is_stored_under_a_secret_key(instance: Path) -> None:
    source = write_file(instance, "Report 1.TXT")
    stored = stored_files.adopt_file(instance, JOB, source, "Report 1.TXT")
    folder, key_name = stored.path.rsplit("/", 1)
    assert (stored.filename, stored.size) == ("Report 1.TXT", 4)
    assert key_name == "report_1.txt"
    assert folder.startswith(f"files/jobs/{JOB}/")
    assert len(folder.rsplit("/", 1)[1]) == 43
    assert content(instance, stored) == b"data"
    assert source.exists()


def test_a_file_on_the_same_disk_is_linked_and_not_copied(instance: Path) -> None:
    source = write_file(instance, "a.txt")
    inode = source.stat().st_ino
    stored = stored_files.adopt_file(instance, JOB, source, "a.txt")
    assert (instance / stored.path).stat().st_ino == inode


def test_a_file_from_another_disk_is_copied(instance: Path) -> None:
    source = Path("/dev/shm") / f"switchyard-test-{os.getpid()}"
    source.write_bytes(b"x" * 200_000)
    try:
        if source.stat().st_dev == instance.parent.stat().st_dev:
            pytest.skip("no second file system here")
        instance.mkdir()
        stored = stored_files.adopt_file(instance, JOB, source, "a.txt")
        assert (instance / stored.path).read_bytes() == b"x" * 200_000
        assert stored.size == 200_000
    finally:
        source.unlink(missing_ok=True)


def test_a_link_is_stored_as_the_file_that_it_names(instance: Path) -> None:
    target = write_file(instance, "release-2.tar")
    link = target.with_name("latest.tar")
    link.symlink_to(target)
    stored = stored_files.adopt_file(instance, JOB, link, "latest.tar")
    assert content(instance, stored) == b"data"
    assert target.exists()


def test_a_file_with_another_name_is_copied_so_that_nobody_can_change_it(instance: Path) -> None:
    source = write_file(instance, "a.txt")
    other_name = source.with_name("b.txt")
    other_name.hardlink_to(source)
    stored = stored_files.adopt_file(instance, JOB, source, "a.txt")
    other_name.write_bytes(b"changed")
    assert (instance / stored.path).read_bytes() == b"data"


def test_a_file_from_elsewhere_is_copied_so_that_its_owner_may_go_on_writing(
    instance: Path,
) -> None:
    source = write_file(instance, "link").parent.parent.parent / "shared.log"
    source.write_bytes(b"data")
    through = source.parent / JOB / "outside"
    through.symlink_to(source.parent)
    for path in (source, through / "shared.log", source.parent / JOB / ".." / "shared.log"):
        stored = stored_files.adopt_file(instance, JOB, path, "shared.log")
        source.write_bytes(b"more")
        assert (instance / stored.path).read_bytes() == b"data"
        source.write_bytes(b"data")


def test_what_is_no_regular_file_is_refused_at_once(instance: Path) -> None:
    pipe = write_file(instance, "x").with_name("pipe")
    os.mkfifo(pipe)
    for source in (pipe, pipe.parent):
        with pytest.raises(OSError, match=r"Not a regular file|Is a directory"):
            stored_files.adopt_file(instance, JOB, source, "x")
    with pytest.raises(FileNotFoundError):
        stored_files.adopt_file(instance, JOB, pipe.with_name("missing"), "x")
    assert not (instance / "files").exists()


@pytest.mark.parametrize(
    ("name", "filename", "key_name"),
    [
        ("Größe öß.csv", "Gr_e _.csv", "gr_e__.csv"),
        ("../../etc/passwd", ".._.._etc_passwd", ".._.._etc_passwd"),
        ("..", "..", "...bin"),
        ("", "file", "file.bin"),
        ("a\r\nSet-Cookie: x", "a_Set-Cookie_ x", "a_set-cookie__x.bin"),
        ("README", "README", "readme.bin"),
        ("it's (1)!.tar.gz", "it's (1)!.tar.gz", "it_s_1_.tar.gz"),
        ("a" * 300 + ".txt", "a" * 168 + ".txt", "a" * 168 + ".txt"),
    ],
)
def test_names_are_made_safe(instance: Path, name: str, filename: str, key_name: str) -> None:
    stored = stored_files.store_upload(instance, "admin", spool(instance, b"x"), name)
    assert (stored.filename, Path(stored.path).name) == (filename, key_name)


@given(name=st.text(max_size=300), owner=st.text(max_size=300))
def test_every_upload_can_be_found_again_and_deleted(
    tmp_path_factory: pytest.TempPathFactory, name: str, owner: str
) -> None:
    instance = tmp_path_factory.getbasetemp() / "uploads"
    stored = stored_files.store_upload(instance, owner, spool(instance, b"12345"), name)
    assert stored.size == 5
    path = instance / stored.path
    assert path.resolve().is_relative_to(instance.resolve() / "files")
    assert path.read_bytes() == b"12345"
    assert stored_files.delete_file(instance, stored.path)
    assert not path.parent.exists()
    assert not stored_files.delete_file(instance, stored.path)


def test_an_upload_that_cannot_be_saved_leaves_nothing(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space")

    upload = spool(instance, b"12345")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        stored_files.store_upload(instance, "admin", upload, "a.txt")
    assert list((instance / "files" / "admin").iterdir()) == []


@pytest.mark.parametrize("size", [1, 300_000])
def test_a_spool_is_stored_whether_it_waits_in_memory_or_on_disk(instance: Path, size: int) -> None:
    data = os.urandom(size)
    upload = spool(instance, data[: size // 2], data[size // 2 :])
    stored = stored_files.store_upload(instance, "admin", upload, "a.txt")
    upload.close()
    upload.close()
    assert (stored.size, content(instance, stored)) == (size, data)
    incoming = instance / "files" / ".incoming"
    assert not incoming.exists() or list(incoming.iterdir()) == []


def test_no_caller_has_the_folder_of_the_jobs(instance: Path) -> None:
    stored = stored_files.store_upload(instance, "jobs", spool(instance, b"x"), "a.txt")
    assert stored.path.startswith("files/jobs_/")


def test_a_link_on_the_way_is_not_followed(instance: Path) -> None:
    stored = stored_files.adopt_file(instance, JOB, write_file(instance, "a"), "a.txt")
    folder = (instance / stored.path).parent
    for path in (folder, folder.parent, folder.parent.parent):
        path.rename(path.with_name("elsewhere"))
        path.symlink_to("elsewhere")
        assert stored_files.open_file(instance, stored.path) is None
        path.unlink()
        path.with_name("elsewhere").rename(path)
    files = instance / "files"
    files.rename(instance / "disk2")
    files.symlink_to("disk2")
    assert content(instance, stored) == b"data"


def test_folders_are_private(instance: Path) -> None:
    stored = stored_files.adopt_file(instance, JOB, write_file(instance, "a"), "a")
    assert (instance / stored.path).parent.parent.stat().st_mode & 0o777 == 0o700


def test_only_keys_of_stored_files_lead_to_files(instance: Path) -> None:
    stored = stored_files.adopt_file(instance, JOB, write_file(instance, "a"), "a.txt")
    secret = instance / "secret-key"
    secret.write_text("secret")
    folder, name = (instance / stored.path).parent, Path(stored.path).name
    (folder / "link.txt").symlink_to(secret)
    random = folder.name
    for key in (
        "",
        "/" + stored.path,
        stored.path + "/",
        stored.path + "\n",
        stored.path.removeprefix("files/"),
        f"files/jobs/{JOB}/{random}/..",
        f"files/jobs/{JOB}/{random}/../{random}/{name}",
        f"files/jobs/{JOB}/{random}/link.txt",
        f"files/jobs/{JOB}/{random}",
        f"files/../{random}/{name}",
        f"files/jobs/../{random}/{name}",
        "files/../secret-key",
        f"files/jobs/{JOB}/{random}/{name}\0",
        f"files/jobs/{JOB}/{random}/{'x' * 255}",
    ):
        assert stored_files.open_file(instance, key) is None, key
    assert stored_files.file_size(instance, stored.path) == 4
