"""The endpoints of channels; what they share with other records is in test_catalogue.py."""

import pytest

from tests.blueprints.api import assert_error


def test_a_new_channel_tells_nobody_yet(call):
    channel = call("create_channel", {"title": "x"}).json["channel"]
    expected = {"enabled": True, "users": [], "email": "", "web_hook": "", "run_event": ""}
    assert channel.items() >= expected.items()
    assert channel["id"].startswith("n")
    assert call("get_multiple", {"lists": "channels"}).json["channels"] == [channel]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("users", "ann"),
        ("users", [5]),
        ("email", "no address"),
        ("web_hook", "a-b"),
        ("run_event", "a b"),
        ("max_per_day", -1),
    ],
)
def test_what_nobody_could_be_told_with_is_refused(call, key, value):
    reply = call("create_channel", {"title": "x", key: value})
    assert_error(reply, 400, "api", f"Malformed channel parameter: {key}")
