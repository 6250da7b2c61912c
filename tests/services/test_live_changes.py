"""What callers change of live jobs at once: the end of a delay, and who hears of the end."""

import json
from dataclasses import replace

import pytest

from core import clock
from core.errors import BadRequest, Conflict, Forbidden, NotFound
from services import live_changes
from tests.factories import ADMIN, add_job, finish_job, limited, load

USER = replace(ADMIN, is_key=False, email="ann@example.com")
OTHER = replace(USER, name="bob", email="bob@example.com")


def delayed(**changes):
    until = clock.now() + 600
    return add_job(columns={"until": until}, **({"state": "start_delay", "until": until} | changes))


def messages(job_id):
    return [row["msg"] for row in json.loads(load(job_id).activity)]


@pytest.mark.parametrize("state", ["start_delay", "retry_delay"])
def test_a_skipped_delay_ends_now(app, state):
    job_id = delayed(state=state)
    live_changes.skip_delay(job_id, ADMIN)
    live_changes.skip_delay(job_id, ADMIN)
    row = load(job_id)
    assert row.until <= clock.now()
    assert json.loads(row.doc)["until"] == row.until
    assert messages(job_id) == ["Job delay was manually skipped by user: ann"] * 2


def test_only_delays_are_skipped(app):
    with pytest.raises(NotFound, match="Job not found: jnosuch"):
        live_changes.skip_delay("jnosuch", ADMIN)
    active = add_job(state="active")
    with pytest.raises(Conflict, match=f"Job is not in a delay state: {active}"):
        live_changes.skip_delay(active, ADMIN)
    finish_job(active)
    with pytest.raises(Conflict, match=f"Job not found: {active}"):
        live_changes.skip_delay(active, ADMIN)
    with pytest.raises(Forbidden):
        live_changes.skip_delay(delayed(), limited(categories=["other"]))


def test_users_put_themselves_on_the_list_and_take_themselves_off(app):
    own = {"type": "email", "email": "ann@example.com", "condition": "error"}
    job_id = add_job(state="active", actions=[own])
    assert live_changes.toggle_notice(job_id, USER) is True
    assert live_changes.toggle_notice(job_id, OTHER) is True
    mail = {"condition": "complete", "type": "email", "users": [], "enabled": True, "hidden": True}
    notices = [mail | {"email": "ann@example.com"}, mail | {"email": "bob@example.com"}]
    assert json.loads(load(job_id).doc)["actions"] == [own, *notices]
    assert live_changes.toggle_notice(job_id, USER) is False
    assert json.loads(load(job_id).doc)["actions"] == [own, notices[1]]
    assert messages(job_id) == [
        "User added to job notify list: ann",
        "User added to job notify list: bob",
        "User removed from job notify list: ann",
    ]


def test_notices_need_an_address_and_a_live_job(app):
    with pytest.raises(BadRequest, match=r"User has no email address set\."):
        live_changes.toggle_notice("jnosuch", ADMIN)
    with pytest.raises(NotFound, match="Job not found: jnosuch"):
        live_changes.toggle_notice("jnosuch", USER)
    with pytest.raises(Forbidden):
        live_changes.toggle_notice(
            add_job(), replace(limited(categories=["other"]), email="eve@example.com")
        )
