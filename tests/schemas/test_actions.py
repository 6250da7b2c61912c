"""Actions: the message for each mistake."""

import pytest

from core.errors import BadRequest
from schemas.event import check_event
from tests.schemas.event_data import REFERENCES, changed

P = "Malformed action entry #1"


def check(action):
    if isinstance(action, dict):
        action = {"enabled": True, "condition": "error"} | action
    check_event(changed(actions=[action]), REFERENCES)


@pytest.mark.parametrize(
    "action",
    [
        {"type": "email", "users": ["ann"]},
        {"type": "email", "users": [], "email": "ann@example.com, bob@example.com"},
        {"type": "web_hook", "web_hook": "w1"},
        {"type": "run_event", "event_id": "other", "params": {"name": "x"}},
        {"type": "channel", "channel_id": "c1"},
        {"type": "store", "bucket_id": "b1", "bucket_sync": "data_and_files"},
        {"type": "fetch", "bucket_id": "b1", "bucket_sync": "files"},
        {"type": "ticket", "ticket_type": "issue", "ticket_assignees": ["ann"]},
        {"type": "tag", "tags": ["nosuch"]},
        {"type": "label", "label": "{{ data.version }}"},
        {"type": "plugin", "plugin_id": "acts", "params": {"room": "1"}},
        {"type": "snapshot"},
        {"type": "suspend", "users": []},
        {"type": "suspend", "condition": "start"},
        {"type": "disable", "condition": "tag:important"},
        {"type": "delete", "condition": "alert_cleared"},
    ],
)
def test_valid_action(action):
    check(action)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (None, f"{P} (not an object)"),
        ({"enabled": None, "condition": "x"}, f"{P}: Missing enabled flag"),
        ({"type": "suspend", "condition": "continue"}, f"{P}: Invalid condition"),
        ({"type": "suspend", "condition": "instant"}, f"{P}: Invalid condition"),
        ({"type": "suspend", "condition": "tag:"}, f"{P}: Invalid condition"),
        ({"type": "suspend", "condition": ["start"]}, f"{P}: Invalid condition"),
        ({"type": "explode"}, f"{P}: Unknown type"),
        ({"type": None}, f"{P}: Unknown type"),
        ({"type": "email"}, f"{P}: Invalid user list."),
        ({"type": "email", "users": "ann"}, f"{P}: Invalid user list."),
        ({"type": "email", "users": [], "email": "ann"}, f"{P}: Invalid email address."),
        ({"type": "email", "users": [], "email": 5}, f"{P}: Invalid email address."),
        ({"type": "email", "users": []}, f"{P}: No email addresses provided."),
        ({"type": "email", "users": [], "email": ""}, f"{P}: No email addresses provided."),
        ({"type": "web_hook"}, f"{P}: Invalid Web Hook ID."),
        ({"type": "web_hook", "web_hook": "a-b"}, f"{P}: Invalid Web Hook ID."),
        ({"type": "run_event", "event_id": 5}, f"{P}: Invalid Event ID."),
        ({"type": "run_event", "event_id": "nosuch"}, f"{P}: Event not found: nosuch"),
        (
            {
                "type": "run_event",
                "event_id": "other",
                "params": {"_xy_override_plugin": "x"},
            },
            f"{P} params: Invalid parameter ID: _xy_override_plugin (reserved)",
        ),
        ({"type": "run_event", "event_id": "other"}, f"{P}: Parameter 'name' is required."),
        (
            {"type": "run_event", "event_id": "other", "params": {"name": "x", "size": 9}},
            f"{P}: Parameter 'size' value is invalid (1-5).",
        ),
        ({"type": "channel", "channel_id": []}, f"{P}: Invalid Channel ID."),
        ({"type": "store", "bucket_id": "a b"}, f"{P}: Invalid Bucket ID."),
        ({"type": "fetch", "bucket_id": "b"}, f"{P}: Invalid Bucket sync type."),
        (
            {"type": "fetch", "bucket_id": "b", "bucket_sync": {}},
            f"{P}: Invalid Bucket sync type.",
        ),
        ({"type": "ticket", "ticket_type": "joke"}, f"{P}: Invalid Ticket type."),
        (
            {"type": "ticket", "ticket_type": "issue", "ticket_assignees": "ann"},
            f"{P}: Invalid Ticket assignees.",
        ),
        (
            {"type": "ticket", "ticket_type": "issue", "ticket_tags": 5},
            f"{P}: Invalid Ticket tag list.",
        ),
        (
            {"type": "ticket", "ticket_type": "issue", "ticket_due": 5},
            f"{P}: Invalid Ticket due type.",
        ),
        ({"type": "tag"}, f"{P}: Invalid tag list."),
        ({"type": "tag", "tags": ["a b"]}, f"{P}: Invalid tag list."),
        ({"type": "tag", "tags": []}, f"{P}: No tags selected."),
        ({"type": "label", "label": 5}, f"{P}: Invalid label."),
        ({"type": "label", "label": "<b>"}, f"{P}: Label contains invalid characters."),
        ({"type": "label", "label": ""}, f"{P}: No label specified."),
        ({"type": "plugin"}, f"{P}: Invalid Plugin ID."),
        ({"type": "plugin", "plugin_id": "shellplug"}, f"{P}: Plugin not found: shellplug"),
        ({"type": "plugin", "plugin_id": "acts"}, f"{P}: Parameter 'room' is required."),
        (
            {"type": "plugin", "plugin_id": "acts", "params": "x"},
            f"{P}: Invalid params (not an object)",
        ),
    ],
)
def test_action_message(action, message):
    with pytest.raises(BadRequest) as caught:
        check(action)
    assert caught.value.description == message
