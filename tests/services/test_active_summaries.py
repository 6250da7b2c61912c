"""Counts of live jobs by event and by node of a workflow."""

import pytest

from services import active_summaries
from tests.factories import ADMIN, add_job, finish_job, limited


@pytest.fixture
def counted(app):
    """Live jobs of two events and of a workflow, and some that are not counted."""
    add_job(event="e1", state="active")
    add_job(event="e1", state="queued", source="user", targets=["main", "gpu"])
    add_job(event="e2", state="active", category="other", workflow={"job": "jw", "node": "n1"})
    add_job(event="e2", state="queued", workflow={"job": "jw", "node": "n1"}, jobs=[{"id": "x"}])
    add_job(event="e3", type="adhoc", workflow={"job": "jv", "node": 5})
    finish_job(add_job(event="e4"))


def test_jobs_are_counted_by_state_source_and_target(counted):
    first = {
        "id": "e1",
        "states": {"active": 1, "queued": 1},
        "sources": {"key": 1, "user": 1},
        "targets": {"main": 2, "gpu": 1},
    }
    found = active_summaries.by_event({}, ADMIN)
    assert found["e1"] == first
    assert list(found) == ["e1", "e2"]


def test_summaries_are_filtered_and_limited(counted):
    assert list(active_summaries.by_event({"state": "queued", "event": "e2"}, ADMIN)) == ["e2"]
    assert active_summaries.by_event({"limit": "1"}, ADMIN) == {}
    assert active_summaries.by_event({"workflow.job": "jw"}, ADMIN) == {}
    seen = active_summaries.by_event({}, limited(categories=["other"]))
    assert {event: counts["states"] for event, counts in seen.items()} == {"e2": {"active": 1}}


@pytest.mark.parametrize(
    ("filters", "nodes"),
    [
        ({}, {"n1": 2, "5": 1}),
        ({"workflow.job": "jw"}, {"n1": 2}),
        ({"workflow/job": "jw", "state": "queued"}, {"n1": 1}),
        ({"workflow.node": "5"}, {"5": 1}),
        ({"jobs.0.id": "x"}, {"n1": 1}),
        ({"jobs.1.id": None, "event": "e2"}, {"n1": 2}),
        ({"workflow.job.x": "jw"}, {}),
        ({"jobs.²": "x"}, {}),
        ({"jobs." + "9" * 500: "x"}, {}),
        ({"": "x"}, {}),
        ({"workflow": "[object Object]"}, {"n1": 2, "5": 1}),
        ({"workflow": {"job": "jw"}}, {}),
    ],
)
def test_workflow_jobs_are_counted_by_node(counted, filters, nodes):
    assert active_summaries.by_node(filters, ADMIN) == nodes


def test_nodes_are_limited_to_what_the_caller_may_see(counted):
    assert active_summaries.by_node({}, limited(categories=["other"])) == {"n1": 1}
