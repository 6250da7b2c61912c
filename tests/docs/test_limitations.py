"""docs/limitations.md is honest: what it says of missing things is what happens."""

from engine.deeds import DEEDS
from engine.performers import PERFORMERS
from schemas import actions
from tests.docs import pages
from tests.server import messages

PAGE = pages.read("docs/limitations.md")


def test_other_actions_are_recorded_as_not_available(server):
    ticket = {"type": "ticket", "ticket_type": "issue", "condition": "success", "enabled": True}
    job = server.run_and_wait(id=server.event(actions=[ticket]))
    action = job["actions"][0]

    assert action["code"] == "type"
    assert action["description"] == "Action type is not available yet: ticket"
    assert "`Action type is not available yet: …`" in PAGE
    assert "Executing job success action: ticket" in messages(job)


def test_workflows_are_refused(server):
    response = server.post(
        "create_event",
        {"title": "x", "enabled": True, "category": "general"}
        | {"type": "workflow", "targets": ["main"], "algo": "random", "plugin": "shellplug"},
    )

    assert response.status_code == 400
    assert response.json()["description"] in PAGE


def test_every_action_that_is_missing_is_named():
    done = set(PERFORMERS) | set(DEEDS) | {"suspend"}
    assert done <= set(actions.SCHEMAS)
    for kind in set(actions.SCHEMAS) - done:
        assert f"`{kind}`" in PAGE
    assert "suspend" in actions.SCHEMAS
