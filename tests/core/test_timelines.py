"""The timelines of a run: written by the launcher, read for replies and records."""

import os

import pytest

from core import json, timelines
from launcher.timelines import MAX_MINUTES, MAX_SECONDS, Timelines

START = 1_800_000_030
#: More bytes than the timelines of a job of a day take, however many processes it has.
MOST_BYTES = 4_500_000


def process(pid=1, command="sleep 1"):
    first = {"pid": pid, "parentPid": 1, "user": "me", "cpu": 1.5, "memRss": 4096, "age": 1}
    return first | {"state": "Sleeping", "command": command, "disk": 7, "conns": 0, "net": 5}


def fill(folder, seconds, step=1, processes=1, **options):
    """Samples of a job that began at START, as the launcher takes them."""
    written = Timelines(str(folder))
    procs = {str(pid): process(pid, **options) for pid in range(processes)}
    for number in range(0, seconds, step):
        written.add(START + number + 0.25, procs, [], {"disk": 10 * number, "net": number})
    return procs


def read(folder):
    return json.loads(timelines.read(folder).text)


def test_nothing_was_measured(tmp_path):
    assert not timelines.exist(tmp_path)
    measured = timelines.read(tmp_path)
    assert measured.text == ""
    nothing = {"total": 0, "count": 0}
    assert measured.averages(START) == {"disk": nothing, "net": nothing}


def test_a_short_job_has_all_of_its_samples(tmp_path):
    procs = fill(tmp_path, 3)
    assert timelines.exist(tmp_path)
    brief = {key: procs["0"][key] for key in ("cpu", "memRss", "command", "disk", "net")}
    assert read(tmp_path) == {
        "second": [{"epoch": START + second + 0.25, "procs": {"0": brief}} for second in range(3)],
        "minute": [{"epoch": START - 30, "conns": [], "procs": procs}],
    }
    averages = timelines.read(tmp_path).averages(START)
    assert averages == {"disk": {"total": 20, "count": 2}, "net": {"total": 2, "count": 2}}


def test_each_minute_of_the_clock_has_one_entry(tmp_path):
    fill(tmp_path, 200)
    minutes = [entry["epoch"] for entry in read(tmp_path)["minute"]]
    assert minutes == [START - 30, START + 30, START + 90, START + 150]


@pytest.mark.parametrize("seconds", [299, 300, 301, 599, 600, 601, 1000])
def test_the_last_seconds_are_kept(tmp_path, seconds):
    fill(tmp_path, seconds)
    epochs = [entry["epoch"] for entry in read(tmp_path)["second"]]
    first = max(0, seconds - MAX_SECONDS)
    assert epochs == [START + number + 0.25 for number in range(first, seconds)]


@pytest.mark.parametrize("processes", [1, 100])
def test_the_timelines_of_days_are_bounded(tmp_path, processes):
    fill(tmp_path, 3 * 86400, step=30, processes=processes, command="x" * 160)
    kept = timelines.read(tmp_path)
    assert len(kept.text) < MOST_BYTES
    document = json.loads(kept.text)
    assert len(document["minute"]) == MAX_MINUTES
    assert len(document["second"]) == MAX_SECONDS
    assert all(entry["procs"] for entries in document.values() for entry in entries)


def test_without_room_the_hungriest_processes_stay(tmp_path):
    fill(tmp_path, 1, processes=100, command="x" * 1000)
    (entry,) = read(tmp_path)["second"]
    assert 1 < len(entry["procs"]) < 100
    # They come hungriest first.
    assert list(entry["procs"]) == [str(pid) for pid in range(len(entry["procs"]))]


SOUND = '{"epoch":1800000031,"procs":{}}'


@pytest.mark.parametrize(
    "line",
    [
        "",
        "no JSON",
        SOUND[:-3],
        "[]",
        '{"epoch":"1800000031","procs":{}}',
        '{"epoch":true,"procs":{"1":[]}}',
        '{"epoch":-1,"procs":{}}',
        '{"epoch":1e300,"procs":{}}',
        '{"epoch":NaN,"procs":{}}',
        f'{{"epoch":{"9" * 200},"procs":{{}}}}',
        '{"epoch":1800000031}',
        '{"epoch":1800000031,"procs":[]}',
        '{"epoch":1800000031,"procs":{"1":{"cpu":[]}}}',
        '{"epoch":1800000031,"procs":{},"conns":{}}',
        '{"epoch":1800000031,"procs":{},"conns":[1]}',
        '{"epoch":1800000031,"procs":{},"more":1}',
    ],
)
def test_what_the_launcher_did_not_write_is_left_out(tmp_path, line):
    for name in ("samples.second", "samples.minute"):
        (tmp_path / name).write_text(f"{SOUND.replace('31', '30')}\n{line}\n")
    kept = read(tmp_path)
    assert kept["second"] == kept["minute"] == [{"epoch": 1800000030, "procs": {}}]


@pytest.mark.parametrize("total", ['"1"', "-1", "1.5", "true", "9" * 30])
def test_a_total_that_is_none_counts_nothing(tmp_path, total):
    line = f'{{"epoch":1800000031,"procs":{{}},"disk":{total},"net":3}}\n'
    (tmp_path / "samples.second").write_text(line)
    measured = timelines.read(tmp_path)
    assert (measured.disk_bytes, measured.net_bytes) == (0, 3)
    assert json.loads(measured.text)["second"] == [{"epoch": 1800000031, "procs": {}}]


def test_a_file_that_was_replaced_while_it_was_read_counts_once(tmp_path):
    fill(tmp_path, 300)
    text = (tmp_path / "samples.second").read_bytes()
    (tmp_path / "samples.second.old").write_bytes(text)
    assert len(read(tmp_path)["second"]) == MAX_SECONDS


def test_a_huge_file_is_read_from_its_end(tmp_path):
    fill(tmp_path, 1)
    path = tmp_path / "samples.second"
    line = path.read_bytes()
    with path.open("wb") as file:
        file.seek(5 * 1024 * 1024)
        file.write(b"\n" + line)
    assert path.stat().st_size > MOST_BYTES
    assert len(read(tmp_path)["second"]) == 1


@pytest.mark.parametrize("put", [lambda path: path.symlink_to("other"), os.mkfifo, os.mkdir])
def test_something_else_in_place_of_a_file_holds_up_nobody(tmp_path, put):
    fill(tmp_path, 1)
    path = tmp_path / "samples.second"
    path.rename(tmp_path / "other")
    put(path)
    fill(tmp_path, 1)
    assert timelines.read(tmp_path).text == ""
