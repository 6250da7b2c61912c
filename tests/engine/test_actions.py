"""Actions at the start and the end of a job: which run, once, and what they leave."""

import pytest

from engine import actions


@pytest.fixture(autouse=True)
def _context(app):
    """Activity entries name this host."""


def action(kind, condition="complete", **changes):
    return {"type": kind, "condition": condition, "enabled": True} | changes


def ended(*given, code=0, **job):
    """A job after its end actions, and what its activity log says of them."""
    ran = actions.end({"actions": list(given), "tags": [], "code": code, **job})
    return ran.job, [entry["msg"] for entry in ran.entries]


def test_tags_are_added_once():
    job, told = ended(action("tag", tags=["b", "a"]), tags=["a"])
    assert job["tags"] == ["a", "b"]
    assert told == ["Executing job complete action: tag", "Adding tags to job: {b, a}"]
    assert job["actions"][0]["description"] == "Successfully added tags."
    assert job["actions"][0]["code"] == 0


def test_a_label_has_its_macros_replaced():
    job, told = ended(action("label", label="{{ code }} {{ nosuch }}"), code=0)
    assert job["label"] == "0 n/a"
    job, told = ended(action("label", label="of {{ id }}"), id="j1")
    assert job["label"] == "of j1"
    assert told[-1] == "Applying label to job: of j1"


@pytest.mark.parametrize(
    ("code", "conditions"),
    [
        (0, ["complete", "success", "tag:x"]),
        (1, ["complete", "error", "user", "tag:x"]),
        ("abort", ["complete", "error", "abort", "tag:x"]),
        ("warning", ["complete", "error", "warning", "tag:x"]),
        ("critical", ["complete", "error", "critical", "tag:x"]),
        ("oops", ["complete", "error", "user", "tag:x"]),
    ],
)
def test_the_result_decides_which_actions_run_and_in_which_order(code, conditions):
    every = ["tag:x", "abort", "warning", "critical", "user", "success", "error", "complete"]
    every += ["start", "instant", "tag:y", "limited", "suspended", "nonsense"]
    given = [action("tag", condition, tags=[condition]) for condition in every]
    job, _ = ended(*given, code=code, tags=["x"])
    assert job["tags"] == ["x", *conditions]
    assert sum("code" in item for item in job["actions"]) == len(conditions)


def test_the_same_action_under_two_conditions_runs_once_and_others_of_its_type_all_run():
    given = [
        action("label", "complete", label="one"),
        action("label", "success", label="one", source="category", id="x"),
        action("label", "success", label="two"),
    ]
    job, told = ended(*given)
    assert job["label"] == "two"
    assert [text for text in told if text.startswith("Applying")] == [
        "Applying label to job: one",
        "Applying label to job: two",
    ]
    assert "code" not in job["actions"][1]


def test_what_is_disabled_or_has_run_does_not_run():
    _, told = ended(action("label", label="x", enabled=False), action("label", label="y", code=0))
    assert told == []


def test_a_snapshot_lists_the_processes_the_hungriest_first():
    procs = {
        "7": {"pid": 7, "cpu": 1, "memRss": 1024, "command": "sh -c 'a | b'"},
        "8": {"pid": 8, "cpu": 55.5, "memRss": 3 * 1024 * 1024, "command": "make\n-j"}
        | {"disk": 2048, "net": 5},
    }
    job, told = ended(action("snapshot"), server="s1", procs=procs, conns=[])
    assert told[1] == "Taking snapshot of server: #s1"
    assert job["actions"][0]["description"] == "Succesfully took snapshot of server: s1"
    assert job["actions"][0]["details"].splitlines() == [
        "| PID | CPU | Memory | Disk I/O | Network | Command |",
        "| --- | --- | --- | --- | --- | --- |",
        "| 8 | 55.5% | 3 MB | 2 K | 5 bytes/s | make -j |",
        "| 7 | 1% | 1 K | 0 bytes | 0 bytes/s | sh -c 'a \\| b' |",
    ]


def test_a_snapshot_lists_the_connections():
    connection = {"type": "tcp", "state": "ESTABLISHED", "pid": 7, "bytes": 3000, "delta": 0}
    connection |= {"local_addr": "127.0.0.1:5", "remote_addr": "127.0.0.1:6", "started": 1}
    job, _ = ended(action("snapshot"), server="s1", procs={}, conns=[connection])
    assert job["actions"][0]["details"].splitlines() == [
        "The job had no process that was measured.",
        "",
        "| PID | Type | State | Local | Remote | Bytes |",
        "| --- | --- | --- | --- | --- | --- |",
        "| 7 | tcp | ESTABLISHED | 127.0.0.1:5 | 127.0.0.1:6 | 2.9 K |",
    ]


def test_a_snapshot_needs_a_server():
    job, told = ended(action("snapshot"))
    assert (job["actions"][0]["code"], len(told)) == ("snapshot", 1)
    text = "Failed to take snapshot: No server selected for job."
    assert job["actions"][0]["description"] == text


def test_a_long_snapshot_is_cut():
    procs = {str(pid): {"pid": pid, "cpu": 0, "memRss": 0, "command": "x"} for pid in range(150)}
    job, _ = ended(action("snapshot"), server="s1", procs=procs)
    assert "50 more processes are not shown." in job["actions"][0]["details"]


@pytest.mark.parametrize("kind", ["tag", "label"])
def test_an_action_that_a_plugin_pushed_half_does_no_harm(kind):
    job, _ = ended(action(kind, tags=5, label=None))
    assert job["actions"][0]["code"] == 0


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ticket", "Action type is not available yet: ticket"),
        ("dance", "Unknown action type: dance"),
    ],
)
def test_a_type_that_is_not_there_says_so(kind, text):
    job, told = ended(action(kind))
    assert (job["actions"][0]["code"], job["actions"][0]["description"]) == ("type", text)
    assert told == [f"Executing job complete action: {kind}"]


def test_start_actions_change_the_job_and_may_hold_it():
    job = {"actions": [action("tag", "start", tags=["a"]), action("suspend", "start")]}
    ran = actions.start(job)
    assert [entry["msg"] for entry in ran.entries][-1].startswith("Suspending job")
    assert ran.changes(job) == {"tags": ["a"], "suspended": True, "actions": ran.job["actions"]}
    assert ran.job["actions"][1]["active"]
    assert not ran.is_over
    assert "code" not in job["actions"][0]


def test_without_start_actions_nothing_changes():
    job = {"actions": [action("tag", tags=["a"])]}
    ran = actions.start(job)
    assert (ran.changes(job), ran.entries, ran.claims) == ({}, [], [])
    assert ran.is_over


def test_what_reaches_beyond_the_job_is_claimed():
    job = {"actions": [action("label", label="x"), action("disable", "success")], "code": 0}
    ran = actions.end(job)
    (claim,) = ran.claims
    assert (claim.type, claim.condition, claim.place) == ("disable", "success", 1)
    assert claim.action == ran.job["actions"][1]
    assert claim.action["active"]
    assert "code" not in claim.action
    assert not ran.is_over


def test_what_is_under_way_is_not_begun_again():
    job = actions.end({"actions": [action("disable")], "code": 0}).job
    assert actions.end(job).claims == []


@pytest.mark.parametrize(("wanted", "count"), [(["success"], 1), ([], 0), (None, 2)])
def test_a_test_may_ask_for_some_conditions_only(wanted, count):
    given = [action("tag", "complete", tags=["a"]), action("tag", "success", tags=["b"])]
    _, told = ended(*given, test=True, test_conditions=wanted)
    assert sum(text.startswith("Executing") for text in told) == count
    _, told = ended(*given, test_conditions=wanted)
    assert sum(text.startswith("Executing") for text in told) == 2


def test_what_a_plugin_pushes_twice_runs_twice():
    ran = actions.instant({"actions": [action("label", "instant", label="x")] * 2})
    assert len(ran.entries) == 4
