"""Every type of limit: whose counts, what it says, and what it brings about.

Without processes and servers: jobs are made as launches make them, and the engine's steps are
taken one by one.
"""

from itertools import combinations

import pytest

from core import json
from core.errors import BadRequest
from engine import ending, input_limit, starting
from engine.limits import RETRY_ALLOWED, Reading, enforce
from engine.turn import Turn
from models.database import db
from models.job import Job
from models.tag import Tag
from services import launching, statistics
from services.orders import Order, Parts, new_document
from tests import factories

pytestmark = pytest.mark.databases("sqlite")

#: What each source allows.
AMOUNTS = {"event": 3, "category": 2, "universal": 1}
NAMES = ["t1", "t2", "t3", "t4"]
FULL = "Maximum number of concurrent jobs for event has been reached"
STARTED = "Sending launch command to remote server"


@pytest.fixture(scope="module")
def app(tmp_path_factory, template_database):
    """One application for all tests: each has an event of its own."""
    folder = tmp_path_factory.mktemp("limits") / "instance"
    with factories.application(folder, template_database) as app:
        for name in NAMES:
            db.write(lambda c, name=name: Tag.insert(c, {"id": name, "title": name}))
        yield app


def job_of(app, limits):
    """The document of a job whose limits come from the given sources."""
    given = {source: [limits[source]] if source in limits else [] for source in AMOUNTS}
    event = factories.stored_event(limits=given["event"], tags=NAMES)
    order = Order(event, None, "scheduler", "", lambda _: None)
    settings = {**app.config, "UNIVERSAL_LIMITS": given["universal"], "UNIVERSAL_ACTIONS": []}
    parts = Parts({"limits": given["category"]}, {"id": "shellplug"})
    return new_document(order, parts, settings) | {"state": "ready"}


# What becomes of a job that has limits: what its activity log says


def use(_app, job):
    """It uses much of everything for a while."""
    reading = Reading(200.0, 100.0, log_bytes=10, mem_bytes=10, cpu_percent=10)
    return texts_of(enforce("j1", job, reading).entries)


def take_files(_app, job):
    """It is given four files."""
    files = json.dumps({"files": [{"filename": name} for name in NAMES]})
    return texts_of(input_limit.pruned(job, files)[1])


def be_launched(_app, job):
    """The scheduler launches it after two others of this day."""
    past = [(job["event"], "success")] * 2
    db.write(lambda connection: statistics.add(connection, past, factories.clock.now()))
    try:
        db.read(lambda connection: launching.check_days(connection, job))
    except BadRequest as error:
        return [error.description.removesuffix(job["event"])]
    return []


def start(app, job):
    """It starts while two others run."""
    add_others(job, "active")
    return take_step(app, job, _start)


def queue(app, job):
    """It is to wait behind two others for the one place."""
    add_others(job, "active")
    add_others(job, "queued")
    one = {"type": "job", "enabled": True, "amount": 1}
    return take_step(app, job | {"limits": [one, *job["limits"]]}, _start)


def _start(turn, job_id):
    starting.start_ready(turn, Job.load(turn.connection, job_id), lambda _frame, _id: None)


def fail(app, job):
    """It fails for the third time."""
    return take_step(app, job | {"retry_count": 2, "code": 5}, ending.finalize)


def end(app, job):
    """It ends with four tags."""
    return take_step(app, job | {"code": 0}, ending.finalize)


def add_others(job, state):
    for _ in range(2):
        factories.add_job(state=state, event=job["event"])


def take_step(app, job, step):
    def work(connection):
        launching.insert(connection, job, None)
        step(Turn(connection, app.config), job["id"])

    db.write(work)
    row = factories.load(job["id"])
    return texts_of(json.loads(row.heavy)["activity"] if row.final else json.loads(row.activity))


def texts_of(entries):
    return [entry["msg"] for entry in entries]


# By type: what of a limit says how much is allowed, whether all limits of the type count (or only
# the first one), what becomes of the job, and what that says where 1, 2 or 3 is allowed

USED = "Job {} usage has exceeded maximum limit of {} for 0 seconds."
TIME = "Job elapsed time has exceeded maximum limit of {}."
LOG = "Job output size has exceeded maximum limit of {}."
RETRIES = "Reached retry limit ({}), will not retry job."
BYTES = ("1 byte", "2 bytes", "3 bytes")
DAY = "Failed to launch job: Maximum daily 'success' count of {} has been reached for event: "
TYPES = {
    "time": ("duration", True, use, [TIME.format(f"{n}") for n in ("1 second", "2 seconds")]),
    "log": ("amount", True, use, [LOG.format(n) for n in BYTES]),
    "mem": ("amount", True, use, [USED.format("memory", n) for n in BYTES]),
    "cpu": ("amount", True, use, [USED.format("CPU", f"{n}%") for n in (1, 2, 3)]),
    "day": ("amount", True, be_launched, [DAY.format(1), DAY.format(2), None]),
    "job": ("amount", False, start, [f"Aborting Job: {FULL}."] * 2 + [STARTED]),
    "queue": (
        *("amount", False, queue),
        [f"Aborting Job: {FULL}, and the queue is maxed out."] * 2
        + ["Moving job state from {ready} to {queued}"],
    ),
    "retry": (
        *("amount", False, fail),
        [RETRIES.format(1), RETRIES.format(2), "Launching retry #3 of 3"],
    ),
    "file": (
        *("amount", False, take_files),
        [f"Pruned {4 - n} files from input (file amount limit exceeded)" for n in (1, 2, 3)],
    ),
    "tag": (
        *("amount", False, end),
        [f"WARNING: Chopping {4 - n} tags to adhere to limit of {n}" for n in (1, 2, 3)],
    ),
}
TYPES["time"][3].append(TIME.format("3 seconds"))
SOMEWHERE = [some for n in range(4) for some in combinations(AMOUNTS, n)]


def limit(kind, amount, **changes):
    name = TYPES[kind][0]
    return {"type": kind, "enabled": True, name: amount, "condition": "success", **changes}


@pytest.mark.parametrize("off", [None, "event"])
@pytest.mark.parametrize("sources", SOMEWHERE, ids="+".join)
@pytest.mark.parametrize("kind", TYPES)
def test_the_limits_of_the_event_come_before_those_of_its_category_and_of_all_jobs(
    app, kind, sources, off
):
    _, all_count, become, said = TYPES[kind]
    given = {source: limit(kind, AMOUNTS[source], enabled=source != off) for source in sources}
    told = become(app, job_of(app, given))
    wanted = [said[AMOUNTS[source] - 1] for source in sources if source != off]
    wanted = [text for text in wanted if text is not None]
    if not all_count or kind == "day":
        # A launch is refused once.
        wanted = wanted[:1]
    if kind == "job":
        wanted = wanted or [STARTED]
    elif kind == "queue":
        wanted = wanted or [f"Aborting Job: {FULL}."]
    assert [text for text in told if text in {*said, *wanted}] == wanted


@pytest.mark.parametrize("source", ["user", "key"])
def test_who_runs_a_job_by_hand_may_do_so_however_often_a_day(app, source):
    job = job_of(app, {"event": limit("day", 1)})
    assert be_launched(app, job)
    assert be_launched(app, job | {"source": source}) == []


# What limits bring about that fire while a process runs

SNAPSHOT = "### Snapshot Details:"
ABORT = "### Abort Details:\n\n- **Aborted job successfully.**"
#: By what a limit has: the job's tags, who hears of it, what its details begin with.
EFFECTS = {
    "nothing": ({}, ["a"], [], ""),
    "tags": ({"tags": ["b", "a", 7]}, ["a", "b"], [], ""),
    "no tags": ({"tags": "b"}, ["a"], [], ""),
    "users": ({"users": ["ann"]}, ["a"], ["email"], ""),
    "email": ({"users": [], "email": "a@b.c"}, ["a"], ["email"], ""),
    "web hook": ({"web_hook": "w1"}, ["a"], ["web_hook"], ""),
    "nobody": ({"users": [], "email": "", "web_hook": ""}, ["a"], [], ""),
    "snapshot": ({"snapshot": True}, ["a"], [], SNAPSHOT),
    "abort": ({"abort": True}, ["a"], [], ABORT),
    "all": (
        {"tags": ["b"], "email": "a@b.c", "web_hook": "w1", "snapshot": True, "abort": True},
        *(["a", "b"], ["email", "web_hook"], SNAPSHOT),
    ),
}
PROCESSES = {"procs": {"7": {"pid": 7, "cpu": 5, "memRss": 1024, "command": "make"}}}


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("kind", ["time", "log", "mem", "cpu"])
def test_a_limit_that_fires_does_what_it_says_once(kind, effect):
    changes, tags, heard, details = EFFECTS[effect]
    text = TYPES[kind][3][0]
    idle = limit("log", 99)
    job = {"limits": [idle, limit(kind, 1, **changes)], "tags": ["a"], "server": "s1"}
    used = {"log_bytes": 2, "mem_bytes": 2, "cpu_percent": 2, "live": PROCESSES}
    found = enforce("j1", job, Reading(110.0, 100.0, **used))

    before, fired = found.changes["limits"]
    assert before == idle
    outcome = {"code": 0, "date": 110.0, "msg": text, "elapsed_ms": 0}
    outcome["description"] = "Successfully applied limits."
    assert fired | outcome == fired
    assert (fired["details"] or "x").startswith(details or "x")
    assert (ABORT in fired["details"]) == ("abort" in changes)
    assert ("| make |" in fired["details"]) == ("snapshot" in changes)
    assert found.changes["tags"] == tags
    assert [(claim.type, claim.condition, claim.place) for claim in found.claims] == [
        (kind, "limited", 1) for kind in heard
    ]
    assert all(claim.action == fired for claim in found.claims)
    assert found.abort_reason == (text if "abort" in changes else None)
    assert found.changes.get(RETRY_ALLOWED, False) == ("abort" in changes)
    taken = ["Taking snapshot of server: #s1"] if "snapshot" in changes else []
    assert texts_of(found.entries) == [*taken, text]
    assert (found.entries[-1]["job_id"], found.entries[-1]["limit"]) == ("j1", fired)
    again = enforce("j1", job | found.changes, Reading(120.0, 100.0, **used))
    assert (again.changes, again.entries, again.claims) == ({}, [], [])


@pytest.mark.parametrize("kind", sorted(TYPES.keys() - {"time", "log", "mem", "cpu"}))
def test_other_limits_never_fire(kind):
    job = {"limits": [limit(kind, 1, **EFFECTS["all"][0])]}
    found = enforce("j1", job, Reading(200.0, 100.0, log_bytes=10, mem_bytes=10, cpu_percent=10))
    assert (found.changes, found.entries, found.claims) == ({}, [], [])
