"""The life of one job, whatever happens to it in whatever order, against the table of states."""

import itertools
import re

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core import clock, json
from engine import finish, watch
from engine.finish import Kept
from engine.records import Batch
from engine.turn import Run
from models.database import db
from models.event import Event
from models.job import Job
from services.errand import Outcome
from services.transitions import NEXT, State
from tests.engine.stepping import Stepper
from tests.factories import add_job, load, stored_event

CODES = (0, 1, "warning", "abort", "critical")
CONDITIONS = ("start", "complete", "success", "error", "abort", "user", "warning")
TYPES = ("tag", "label", "run_event", "disable", "suspend", "ticket", "nonsense")
RESULTS = ("Job completed successfully.", "Job failed: ", "Job aborted: ")

actions = st.fixed_dictionaries(
    {
        "type": st.sampled_from(TYPES),
        "condition": st.sampled_from(CONDITIONS),
        "enabled": st.sampled_from([True, True, True, False]),
        "tags": st.just(["a"]),
        "label": st.just("x"),
    }
)

START = {"type": "run_event", "condition": "start", "enabled": True}


def reachable(before):
    """The states that a job may get into from one, itself included."""
    found, new = {before}, {before}
    while new:
        new = {after for state in new for after in NEXT[state]} - found
        found |= new
    return found


class Life(RuleBasedStateMachine):
    """One job, an engine without processes, and callers."""

    def __init__(self, app):
        super().__init__()
        self.engine = Stepper(app.config)
        self.seen = State.READY
        self.record = None

    @initialize(
        given=st.lists(actions, max_size=5),
        starting=st.sampled_from([0, 1, 1, 2]),
        delayed=st.sampled_from([False, False, False, True]),
        retries=st.sampled_from([0, 0, 1]),
        ephemeral=st.booleans(),
        looks=st.sampled_from([0, 1, 1, 2]),
        aborted=st.sampled_from([False, False, True]),
    )
    def accept(self, given, starting, delayed, retries, ephemeral, looks, aborted):
        # What holds a job in `starting` is what most can go wrong with.
        given = [*given, *(START | {"event_id": f"e{number}"} for number in range(starting))]
        event = stored_event()
        limits = [{"type": "retry", "enabled": True, "amount": retries}] if retries else []
        limits += [{"type": "time", "enabled": True, "duration": 0, "tags": ["late"]}]
        state = State.START_DELAY if delayed else State.READY
        until = clock.now() if delayed else None
        self.job_id = add_job(
            state=state,
            columns={"until": until},
            event=event["id"],
            actions=given,
            limits=limits,
            ephemeral=ephemeral,
        )
        self.event = event
        self.may_vanish = ephemeral
        self.seen = state
        for _ in range(looks):
            self.look()
        if aborted:
            self.abort(at_once=True)

    # What the engine does

    @rule()
    def look(self):
        self.engine.look(self.job_id)

    @property
    def row(self):
        return load(self.job_id)

    @property
    def errands(self):
        return self.engine.errands(self.job_id)

    @precondition(lambda self: self.is_live and self.errands)
    @rule(code=st.sampled_from([0, "webhook"]), last=st.booleans(), again=st.booleans())
    def do_an_errand(self, code, last, again):
        """An errand is done; after a crash of the engine twice."""
        errand = self.errands[-1 if last else 0]
        outcome = Outcome({"code": code, "description": "done"}, ["Done."], {"jobs": [{"id": "j"}]})
        self.engine.record(errand.id, outcome, 2 if again else 1)
        assert errand not in self.errands

    @precondition(lambda self: self.is_live and self.is_running)
    @rule(condition=st.sampled_from(["instant", "complete"]), kind=st.sampled_from(TYPES))
    def push(self, condition, kind):
        action = {"type": kind, "condition": condition, "enabled": True, "tags": ["b"]}
        row = self.row
        run = Run(self.job_id, row.launch, row.segment, row.offset)
        batch = Batch(row.segment, row.offset + 1, (row.segment, row.offset))
        batch.messages = [{"xy": 1, "push": {"actions": [action]}, "progress": 0.5}]
        self.engine.turn(lambda turn: watch.apply(turn, run, batch))

    @precondition(lambda self: self.is_live and self.is_running)
    @rule(code=st.sampled_from([0, 3]), lost=st.booleans(), is_twice=st.booleans())
    def exit(self, code, lost, is_twice):
        record = {"lost": True} if lost else {"code": code, "pid": 7}
        for _ in range(2 if is_twice else 1):
            if self.row is not None:
                self.engine.close(self.job_id, **record)
                self.engine.complete(self.job_id)
        assert self.row is None or self.row.state == State.COMPLETE

    @rule()
    def hear_of_another_launch(self):
        """What an old engine's launch has to say changes nothing."""
        before = self.row
        run = Run(self.job_id, "lother")
        self.engine.turn(lambda turn: finish.complete(turn, run, Kept()))
        assert self.row == before

    # What callers do

    @precondition(lambda self: self.is_live)
    @rule(at_once=st.booleans())
    def abort(self, at_once):
        self.patch(columns={"abort_reason": "Enough."})
        if at_once:
            self.look()

    @precondition(lambda self: self.is_live and json.loads(self.row.doc).get("suspended"))
    @rule()
    def resume(self):
        asked = {"values": {}, "overrides": {}, "at": clock.now(), "by": "ann", "ip": ""}
        asked["agent"] = ""
        self.patch(columns={"resume": json.dumps(asked)}, drop=("suspended",))

    @precondition(lambda self: self.is_live)
    @rule()
    def drop_actions(self):
        """A caller replaces the list that the claims are from."""
        self.patch(doc={"actions": []})
        self.is_cut = True

    @rule()
    def delete_event(self):
        db.write(lambda connection: Event.delete(connection, self.event["id"]))

    def patch(self, **changes):
        db.write(lambda connection: Job.patch(connection, self.job_id, **changes))

    # What is always true

    is_cut = False

    @property
    def is_live(self):
        row = self.row
        return row is not None and not row.final

    @property
    def is_running(self):
        return self.row.state in (State.ACTIVE, State.FINISHING)

    @invariant()
    def is_where_the_table_lets_it_be(self):
        if not hasattr(self, "job_id"):
            return
        row = self.row
        if row is None:
            assert self.may_vanish
            return
        state = State(row.state)
        assert state in reachable(self.seen), f"{self.seen} to {state}"
        self.seen = state
        causes = {errand.condition for errand in self.errands} - {"suspended"}
        if "start" in causes:
            # A round of actions ends before the job goes on.
            assert state in (State.STARTING, State.COMPLETE)
            assert causes == {"start"}
            assert "completed" not in json.loads(row.doc)
        if row.final:
            assert self.record in (None, (row.revision, row.head, row.heavy))
            self.record = (row.revision, row.head, row.heavy)

    def teardown(self):
        """Whatever state it is in, the job can be brought to its end; that is there once."""
        for _ in range(12):
            if not self.is_live:
                break
            self.look()
            self.engine.do_errands(self.job_id)
            if self.is_live and json.loads(self.row.doc).get("suspended"):
                self.resume()
            elif self.is_live and self.is_running:
                self.exit(0, lost=False, is_twice=False)
        assert not self.is_live
        assert self.errands == []
        row = self.row
        if row is not None:
            check(json.loads(row.head) | json.loads(row.heavy), is_cut=self.is_cut)


def check(record, *, is_cut):
    """The record tells the whole story, and no more."""
    texts = [entry["msg"] for entry in record["activity"]]
    assert sum(text.startswith(RESULTS) for text in texts) == 1
    assert texts[-1].startswith(RESULTS)
    assert texts[-1].startswith("Job aborted") == (record["code"] == "abort")
    moves = [re.findall(r"\{(\w+)\}", text) for text in texts if text.startswith("Moving job")]
    for (_, before), (after, _) in itertools.pairwise(moves):
        assert State(after) in reachable(State(before))
    assert not any(action.get("active") for action in record["actions"])
    assert record.get("suspended") is None
    begun = [action for action in record["actions"] if "date" in action]
    assert all({"code", "description", "elapsed_ms"} <= action.keys() for action in begun)
    told = sorted(text for text in texts if text.startswith("Executing job"))
    if not is_cut:
        assert told == sorted(
            f"Executing job {action['condition']} action: {action['type']}" for action in begun
        )
    held, released = (
        sum(text.startswith(word) for text in texts) for word in ("Suspending", "Resuming")
    )
    assert released <= held


@pytest.mark.databases("sqlite")
def test_every_event_leads_from_any_state_to_a_defined_one_and_to_one_end(app):
    run_state_machine_as_test(
        lambda: Life(app),
        settings=settings(
            max_examples=80,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
