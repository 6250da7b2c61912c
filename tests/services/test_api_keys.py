"""API keys: the first one, the one of the settings, and what their records keep."""

from itertools import chain

import pytest

from core.errors import NotAuthenticated
from models.api_key import ApiKey
from models.database import db
from services import api_keys, authentication
from services.access import OPERATOR


def ensure(app, admin_key=""):
    settings = {**app.config, "ADMIN_KEY": admin_key}
    return db.write(lambda connection: api_keys.ensure_admin(connection, settings))


def test_the_first_start_makes_an_administrators_key_once(app):
    plain_key = ensure(app)
    assert authentication.authenticate(plain_key).is_admin
    assert ensure(app) is None
    assert len(list(chain.from_iterable(api_keys.listing()))) == 1


def test_no_key_is_made_where_there_is_one_of_any_kind(app):
    api_keys.create({"title": "x"}, OPERATOR)
    assert ensure(app) is None


def test_exactly_the_key_of_the_settings_works(app):
    assert ensure(app, "first-key") is None
    assert ensure(app, "first-key") is None
    assert authentication.authenticate("first-key").is_admin
    assert ensure(app, "second-key") is None
    assert authentication.authenticate("second-key").id == "kadmin"
    with pytest.raises(NotAuthenticated):
        authentication.authenticate("first-key")
    assert len(list(chain.from_iterable(api_keys.listing()))) == 1


def test_the_key_of_the_settings_works_again_after_it_was_spoiled(app):
    ensure(app, "given-key")
    api_keys.update("kadmin", {"active": 0, "privileges": {}, "expires": 1}, OPERATOR)
    ensure(app, "given-key")
    assert authentication.authenticate("given-key").is_admin
    assert api_keys.get("kadmin")["revision"] == 3


def test_an_ordinary_key_may_become_the_one_of_the_settings(app):
    ensure(app, "old-key")
    record, plain_key = api_keys.create({"title": "x", "categories": ["general"]}, OPERATOR)
    ensure(app, plain_key)
    found = authentication.authenticate(plain_key)
    assert (found.id, found.is_admin, found.is_unlimited) == (record["id"], True, True)
    with pytest.raises(NotAuthenticated):
        authentication.authenticate("old-key")


def test_the_plain_key_is_stored_nowhere(app):
    _, plain_key = api_keys.create({"title": "x"}, OPERATOR)
    rows = db.read(
        lambda connection: str(connection.exec_driver_sql("SELECT * FROM api_keys").all())
    )
    assert plain_key not in rows


@pytest.mark.parametrize("active", [None, 0, False, ""])
def test_a_new_key_is_active(app, active):
    record, _ = api_keys.create({"title": "x", "active": active}, OPERATOR)
    assert record["active"] == 1


def test_updates_at_the_same_time_are_both_kept(app):
    record, _ = api_keys.create({"title": "x"}, OPERATOR)
    api_keys.update(record["id"], {"a": 1}, OPERATOR)
    api_keys.update(record["id"], {"b": 2}, OPERATOR)
    stored = db.read(lambda connection: ApiKey.get(connection, record["id"]))
    assert (stored["a"], stored["b"], stored["revision"]) == (1, 2, 3)
