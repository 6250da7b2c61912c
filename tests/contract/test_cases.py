"""Single calls, right and wrong ones, with the status, code and text that each brings."""

import copy

import pytest

from tests.contract.player import load

CASES = load("cases.json")

#: Errors that keep their status where the path names no version.
_ALWAYS = "Failed to parse JSON: *"


@pytest.fixture(scope="module")
def player(player):
    """Who knows three completed jobs: one with all kinds of output, one without log, a long one."""
    player.play([{"open": "cases"}])
    for name in ("prog", "nolog", "midlog"):
        run = {"POST": "run_event/v1/wait", "json": {"id": f"f{name}", "params": {"gate": "cases"}}}
        keep = {f"job:{name}": "job.id", f"token:{name}": "token"}
        player.play([run | {"keep": {"id": "job.id"}}, {"GET": "get_job/v1?id=<id>", "keep": keep}])
    return player


@pytest.mark.parametrize("name", CASES)
def test_calls(player, name):
    complaints = [line for step in CASES[name] for line in player.complaints(step)]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("name", CASES)
def test_calls_without_a_version(player, name):
    complaints = [line for step in CASES[name] for line in player.complaints(unversioned(step))]
    assert not complaints, "\n".join(complaints)


def unversioned(step):
    """The same call without a version in its path: its error comes with status 200."""
    changed = copy.deepcopy(step)
    method = next(name for name in step if name.isupper())
    changed[method] = step[method].replace("/v1", "", 1)
    reply = step.get("reply", {})
    if reply.get("code") != 0 and reply and reply.get("description") != _ALWAYS:
        changed["status"] = 200
    return changed
