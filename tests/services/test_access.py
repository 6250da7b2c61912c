"""Callers: what they may do, what they may see, and how messages name them."""

import dataclasses

import pytest

from core.errors import Forbidden, NotAuthenticated
from models.database import db
from services import api_keys, authentication
from services.access import OPERATOR, Caller, Privilege

NO_ACCESS = "You do not have the required account privileges to access"
KEY = Caller("kx", "ann", "Nightly", is_key=True, privileges=frozenset({"run_jobs"}))
USER = dataclasses.replace(KEY, is_key=False)


def caller(categories=(), groups=(), privileges=()):
    return dataclasses.replace(
        KEY,
        categories=frozenset(categories),
        groups=frozenset(groups),
        privileges=frozenset(privileges),
    )


def test_there_are_47_privileges_with_titles():
    assert len(Privilege) == 47
    assert Privilege.ADMIN.title == "Administrator"
    assert Privilege.TAG_JOBS.title == "Job Tags"
    assert Privilege.RUN_JOBS.title == "Run Jobs"
    assert Privilege.CREATE_WEB_HOOKS.title == "Create Web Hooks"
    assert Privilege.BULK_EXPORT.title == "Bulk Export"


def test_a_missing_privilege_is_named_for_keys_and_for_users():
    KEY.require(Privilege.RUN_JOBS)
    what = 'the "Abort Jobs" privilege required to perform this action.'
    with pytest.raises(Forbidden) as error:
        KEY.require(Privilege.ABORT_JOBS)
    assert error.value.description == f'API Key "Nightly" does not have {what}'
    with pytest.raises(Forbidden) as error:
        USER.require(Privilege.ABORT_JOBS)
    assert error.value.description == f"You do not have {what}"


def test_an_administrator_has_every_privilege_and_no_limits():
    admin = caller(categories=["other"], groups=["other"], privileges=["admin"])
    for privilege in Privilege:
        admin.require(privilege)
    admin.check({"category": "general", "targets": ["main"]})
    assert admin.may_see({"category": "general", "targets": ["main"]})
    assert admin.is_unlimited


def test_runs_and_aborts_are_signed_by_key_or_user():
    assert (KEY.run_source, KEY.run_username) == ("key", "kx")
    assert (USER.run_source, USER.run_username) == ("user", "ann")
    assert KEY.abort_reason() == "Manually aborted by API Key: Nightly"
    assert OPERATOR.abort_reason() == "Manually aborted by user: admin"


def refusal(of, document):
    try:
        of.check(document)
    except Forbidden as error:
        return error.description
    return None


@pytest.mark.parametrize(
    ("limits", "document", "text"),
    [
        ({}, {"category": "a", "targets": ["x"]}, None),
        ({"categories": ["a", "b"]}, {"category": "a"}, None),
        ({"categories": ["b"]}, {"category": "a"}, f"{NO_ACCESS} category ID a."),
        ({"categories": ["b"]}, {}, f"{NO_ACCESS} category ID undefined."),
        ({"groups": ["g"]}, {"targets": ["x", "g"]}, None),
        ({"groups": ["g"]}, {"targets": ["x", "y"]}, f"{NO_ACCESS} targets: x, y."),
        ({"groups": ["g"]}, {"targets": []}, None),
        ({"groups": ["g"]}, {}, None),
        ({"groups": ["g"]}, {"targets": [{"g": 1}]}, f"{NO_ACCESS} targets: [object Object]."),
        (
            {"categories": ["b"], "groups": ["g"]},
            {"category": "a", "targets": ["x"]},
            f"{NO_ACCESS} category ID a.",
        ),
    ],
)
def test_category_then_targets_are_checked(limits, document, text):
    assert refusal(caller(**limits), document) == text


@pytest.mark.parametrize(
    ("limits", "document", "visible"),
    [
        ({}, {}, True),
        ({"categories": ["a"]}, {"category": "a"}, True),
        ({"categories": ["a"]}, {"category": "b"}, False),
        ({"groups": ["g"]}, {"targets": ["g"]}, True),
        ({"groups": ["g"]}, {"targets": ["x"]}, False),
        ({"groups": ["g"]}, {"targets": []}, False),
        ({"groups": ["g"]}, {}, False),
        ({"groups": ["g"]}, {"type": "workflow"}, True),
        ({"categories": ["a"], "groups": ["g"]}, {"category": "b", "type": "workflow"}, False),
    ],
)
def test_lists_show_what_category_and_groups_allow(limits, document, visible):
    assert caller(**limits).may_see(document) is visible


def make(**properties):
    return api_keys.create({"title": "x", **properties}, OPERATOR)


def test_a_key_makes_a_caller(app):
    record, plain_key = make(
        privileges={"run_jobs": True, "abort_jobs": 0, "unknown": 1},
        categories=["general"],
        groups=["main"],
    )
    found = authentication.authenticate(plain_key)
    assert found == Caller(
        id=record["id"],
        name="admin",
        title="x",
        is_key=True,
        privileges=frozenset({"run_jobs", "unknown"}),
        categories=frozenset({"general"}),
        groups=frozenset({"main"}),
    )


@pytest.mark.parametrize("key", [None, ""])
def test_no_key_is_said_to_be_missing(app, key):
    with pytest.raises(NotAuthenticated, match="No Session ID or API Key could be found"):
        authentication.authenticate(key)


@pytest.mark.parametrize("key", ["wrong", "\ud800", "x" * 1_000_000, "é"])
def test_an_unknown_key_is_invalid(app, key):
    with pytest.raises(NotAuthenticated, match="Invalid API Key"):
        authentication.authenticate(key)


def test_a_key_expires_by_the_clock(app, monkeypatch):
    _, plain_key = make(expires=1000)
    monkeypatch.setattr(authentication.clock, "now", lambda: 999.9)
    authentication.authenticate(plain_key)
    monkeypatch.setattr(authentication.clock, "now", lambda: 1000.0)
    with pytest.raises(NotAuthenticated, match="Invalid API Key"):
        authentication.authenticate(plain_key)


def test_a_hash_does_not_work_as_a_key(app):
    record, _ = make()
    digest = db.read(lambda c: c.exec_driver_sql("SELECT digest FROM api_keys").scalar())
    for text in (record["key"], record["mask"], digest):
        with pytest.raises(NotAuthenticated):
            authentication.authenticate(text)


def test_changes_to_a_key_count_for_the_next_call(app):
    record, plain_key = make(privileges={"run_jobs": True})
    authentication.authenticate(plain_key).require(Privilege.RUN_JOBS)
    api_keys.update(record["id"], {"privileges": {}}, OPERATOR)
    with pytest.raises(Forbidden):
        authentication.authenticate(plain_key).require(Privilege.RUN_JOBS)
