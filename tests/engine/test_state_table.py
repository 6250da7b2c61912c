"""Every row of the tables of states and of aborts: what may happen to a job in each state."""

from dataclasses import dataclass

import pytest

from core import clock, json
from models.database import db
from models.event import Event
from models.job import Job
from services.transitions import State
from tests import factories
from tests.engine.stepping import Stepper

pytestmark = pytest.mark.databases("sqlite")

R = "Enough."
FULL = "Maximum number of concurrent jobs for event has been reached"
NO_SERVER = "No available servers matching targets"
ONE = {"type": "job", "enabled": True, "amount": 1}
QUEUE = {"type": "queue", "enabled": True, "amount": 1}
MAIL = {"type": "email", "enabled": True, "email": "a@b.c"}
HOLD = {"type": "suspend", "enabled": True}


@pytest.fixture(scope="module")
def app(tmp_path_factory, template_database):
    """One application for all tests: each has an event of its own."""
    folder = tmp_path_factory.mktemp("states") / "instance"
    with factories.application(folder, template_database) as app:
        yield app


class Story:
    """A job in some state, and what happens to it."""

    def __init__(self, app, state, **job):
        self.engine = Stepper(app.config)
        self.event = factories.stored_event(**job.pop("event", {}))
        columns = {"launch": None, "until": None}
        if state in ("active", "finishing"):
            columns["launch"] = f"l{self.event['id']}"
        if "delay" in state:
            columns["until"] = clock.now()
        if job.pop("crowded", False):
            factories.add_job(state="active", event=self.event["id"])
        self.id = factories.add_job(state=state, event=self.event["id"], columns=columns, **job)

    @property
    def row(self):
        return factories.load(self.id)

    @property
    def told(self):
        """The activity log."""
        row = self.row
        entries = json.loads(row.heavy)["activity"] if row.final else json.loads(row.activity)
        return [entry["msg"] for entry in entries]

    @property
    def result(self):
        """Its code, as far as that is decided."""
        row = self.row
        return json.loads(row.head if row.final else row.results or "{}").get("code")

    # What happens

    def look(self):
        """The engine looks at it: at its time, its queue, its caller's wishes."""
        self.engine.look(self.id)

    def abort(self):
        db.write(lambda c: Job.patch(c, self.id, columns={"abort_reason": R}))
        self.look()

    def resume(self):
        asked = {"values": {}, "overrides": {}, "at": clock.now(), "by": "ann"}
        request = json.dumps(asked | {"ip": "", "agent": ""})
        db.write(lambda c: Job.patch(c, self.id, columns={"resume": request}, drop=["suspended"]))
        self.look()

    def end_actions(self, code=0):
        self.engine.do_errands(self.id, code)

    def fail_actions(self):
        self.end_actions("email")

    def exit(self):
        self.engine.close(self.id, code=0, pid=7)

    def get_lost(self):
        self.engine.close(self.id, lost=True)

    def store(self):
        self.engine.complete(self.id)

    def fail_to_store(self):
        self.engine.complete(self.id, failure="Failed to upload job file: x: y")

    def delete_event(self):
        db.write(lambda c: Event.delete(c, self.event["id"]))

    def disable_event(self):
        db.write(lambda c: Event.replace(c, self.event | {"enabled": False}))


def on(condition, action):
    return action | {"condition": condition}


def moved(before, after):
    return f"Moving job state from {{{before}}} to {{{after}}}"


SENT = "Sending launch command to remote server"
BEGUN = ["Chosen server: {server} (random)", moved("starting", "active"), SENT]
MAILING = ["Executing job start action: email"]
ABORTED = [f"Aborting Job: {R}", f"Job aborted: {R}"]
HELD = ["Executing job complete action: suspend", "Suspending job until manual user intervention."]
HOLDING = ["Executing job start action: suspend", HELD[1]]
RESUMED = "Resuming job after user intervention."
ENDED = ["Child exited with code: 0", "Job is finishing"]
DONE = "Job completed successfully."


@dataclass
class Row:
    """A state, the job, what happens; and the state after it, what is told, the code by then."""

    state: str
    job: dict
    happens: list
    after: str
    told: list
    code: object = None


ROWS = {
    "a start delay is over": Row(
        "start_delay", {}, [Story.look], "ready", [moved("start_delay", "ready")]
    ),
    "a retry delay is over": Row(
        "retry_delay", {}, [Story.look], "ready", [moved("retry_delay", "ready")]
    ),
    "it starts": Row("ready", {}, [Story.look], "active", BEGUN),
    "it starts with an action": Row(
        *("ready", {"actions": [on("start", MAIL)]}, [Story.look], "starting"),
        [BEGUN[0], *MAILING],
    ),
    "it starts suspended": Row(
        *("ready", {"actions": [on("start", HOLD)]}, [Story.look], "starting"),
        [BEGUN[0], *HOLDING],
    ),
    "all places are taken": Row(
        *("ready", {"limits": [ONE], "crowded": True}, [Story.look], "final"),
        ["Active jobs are blocking: #{other}", f"Aborting Job: {FULL}.", f"Job aborted: {FULL}."],
        "abort",
    ),
    "all places are taken, but for the queue's": Row(
        *("ready", {"limits": [ONE, QUEUE], "crowded": True}, [Story.look], "queued"),
        [moved("ready", "queued")],
    ),
    "no server": Row(
        *("ready", {"targets": ["x"]}, [Story.look], "final"),
        [NO_SERVER, f"Aborting Job: {NO_SERVER}.", f"Job aborted: {NO_SERVER}."],
        "abort",
    ),
    "no server, with a queue": Row(
        *("ready", {"targets": ["x"], "limits": [ONE, QUEUE]}, [Story.look], "queued"),
        [NO_SERVER, moved("ready", "queued")],
    ),
    "its event is gone": Row(
        *("ready", {}, [Story.delete_event, Story.look], "final"),
        ["Aborting Job: Event was deleted: {event}", "Job aborted: Event was deleted: {event}"],
        "abort",
    ),
    "its event is off": Row(
        *("ready", {}, [Story.disable_event, Story.look], "final"),
        ["Aborting Job: Event was disabled: {title}", "Job aborted: Event was disabled: {title}"],
        "abort",
    ),
    "its event is off in a test": Row(
        "ready", {"test": True}, [Story.disable_event, Story.look], "active", BEGUN
    ),
    "nobody can choose": Row(
        *("ready", {"algo": "dance"}, [Story.look], "final"),
        [
            f"{begin}: Unknown algorithm or monitor: dance"
            for begin in ("Aborting Job", "Job aborted")
        ],
        "abort",
    ),
    "a place is free": Row(
        *("queued", {"limits": [ONE, QUEUE]}, [Story.look], "active"),
        [moved("queued", "ready"), *BEGUN],
    ),
    "no place is free": Row(
        "queued", {"limits": [ONE, QUEUE], "crowded": True}, [Story.look], "queued", []
    ),
    "its start actions are done": Row(
        *("ready", {"actions": [on("start", MAIL)]}, [Story.look, Story.end_actions], "active"),
        [BEGUN[0], *MAILING, *BEGUN[1:]],
    ),
    "its start actions failed": Row(
        *("ready", {"actions": [on("start", MAIL)]}, [Story.look, Story.fail_actions], "active"),
        [BEGUN[0], *MAILING, *BEGUN[1:]],
    ),
    "it is resumed before its start": Row(
        *("ready", {"actions": [on("start", HOLD)]}, [Story.look, Story.resume], "active"),
        [
            BEGUN[0],
            "Executing job start action: suspend",
            HELD[1],
            RESUMED,
            BEGUN[1],
            BEGUN[0],
            SENT,
        ],
    ),
    "its process ends": Row("active", {}, [Story.exit], "finishing", ENDED, 0),
    "its process is lost": Row(
        "active", {}, [Story.get_lost], "finishing", ["Job is finishing"], "abort"
    ),
    "its files are stored": Row(
        "active", {}, [Story.exit, Story.store], "final", [*ENDED, DONE], 0
    ),
    "its files can't be stored": Row(
        *("active", {}, [Story.exit, Story.fail_to_store], "final"),
        [*ENDED, "Job failed: Failed to upload job file: x: y (upload)"],
        "upload",
    ),
    "its end is suspended": Row(
        *("active", {"actions": [on("complete", HOLD)]}, [Story.exit, Story.store], "complete"),
        [*ENDED, *HELD],
    ),
    "its end is resumed": Row(
        *("active", {"actions": [on("complete", HOLD)]}),
        *([Story.exit, Story.store, Story.resume], "final", [*ENDED, *HELD, RESUMED, DONE], 0),
    ),
    # The table of aborts
    "aborted in its delay": Row("start_delay", {}, [Story.abort], "final", ABORTED, "abort"),
    "aborted before its retry": Row("retry_delay", {}, [Story.abort], "final", ABORTED, "abort"),
    "aborted in the queue": Row("queued", {}, [Story.abort], "final", ABORTED, "abort"),
    "aborted before its start": Row("ready", {}, [Story.abort], "final", ABORTED, "abort"),
    "aborted during its start actions": Row(
        *("ready", {"actions": [on("start", MAIL)]}, [Story.look, Story.abort], "complete"),
        *([BEGUN[0], *MAILING, ABORTED[0]], "abort"),
    ),
    "aborted twice during its start actions": Row(
        *("ready", {"actions": [on("start", MAIL), on("complete", MAIL)]}),
        *([Story.look, Story.abort, Story.abort], "complete"),
        *([BEGUN[0], *MAILING, ABORTED[0]], "abort"),
    ),
    "aborted, and its start actions are done": Row(
        *("ready", {"actions": [on("start", MAIL)]}),
        *([Story.look, Story.abort, Story.end_actions], "final"),
        *([BEGUN[0], *MAILING, *ABORTED], "abort"),
    ),
    "aborted while it is suspended": Row(
        *("ready", {"actions": [on("start", HOLD)]}, [Story.look, Story.abort], "final"),
        [BEGUN[0], *HOLDING, ABORTED[0], RESUMED, ABORTED[1]],
        "abort",
    ),
    "aborted while it runs": Row("active", {}, [Story.abort], "active", [], "abort"),
    "aborted while it runs, and its process has ended": Row(
        *("active", {}, [Story.abort, Story.exit, Story.store], "final"),
        *([*ENDED, ABORTED[1]], "abort"),
    ),
    "aborted while its files are stored": Row(
        *("active", {}, [Story.exit, Story.abort], "finishing", [*ENDED, ABORTED[0]], "abort"),
    ),
    "aborted while its files are stored, which are by now": Row(
        *("active", {}, [Story.exit, Story.abort, Story.fail_to_store], "final"),
        *([*ENDED, *ABORTED], "abort"),
    ),
    "aborted during its end actions: there are no others": Row(
        *("active", {"actions": [on("complete", HOLD), on("abort", MAIL)]}),
        *([Story.exit, Story.store, Story.abort], "final"),
        *([*ENDED, *HELD, ABORTED[0], RESUMED, ABORTED[1]], "abort"),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_happens_in_a_state_leads_to_the_next_one(app, name):
    expected = ROWS[name]
    story = Story(app, expected.state, **expected.job)
    seen = [State(expected.state)]
    for happens in expected.happens:
        happens(story)
        seen.append(State(story.row.state))
    row = story.row
    assert ("final" if row.final else row.state) == expected.after
    assert story.told == filled(expected.told, story)
    assert story.result == expected.code
    has_begun = expected.after == "active" and seen[0] != "active"
    assert len(story.engine.launched) == has_begun
    assert len(story.engine.killed) == (seen.count("active") == 2)
    if row.final and row.launch is None:
        record = json.loads(row.head)
        assert row.log.decode() == f"{record['description']}\n"
        assert not {"pid", "cwd", "files"} & record.keys()


def filled(texts, story):
    """Texts with what differs from job to job in them."""
    named = {
        "{event}": story.event["id"],
        "{title}": story.event["title"],
        "{other}": word_after("Active jobs are blocking: #", story.told),
        "{server}": word_after("Chosen server: ", story.told),
    }
    for place, name in named.items():
        texts = [text.replace(place, name) for text in texts]
    return texts


def word_after(begin, told):
    found = [text.removeprefix(begin) for text in told if text.startswith(begin)]
    return found[0].split()[0] if found else ""
