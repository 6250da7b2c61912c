"""What messages change, message by message."""

import pytest

from engine import messages


def apply(*said, results=None):
    return messages.apply(list(said), results or {})


def test_later_values_replace_earlier_ones():
    effect = apply({"label": "a", "progress": 0.1}, {"label": "b", "progress": 0.2})
    assert (effect.results["label"], effect.live["progress"]) == ("b", 0.2)


def test_data_is_merged_over_batches_and_lists_grow():
    effect = apply(
        {"data": {"list": [3], "new": 1}}, results={"data": {"list": [1, 2], "kept": "x"}}
    )
    assert effect.results["data"] == {"list": [1, 2, 3], "new": 1, "kept": "x"}


def test_what_was_known_before_is_not_changed_in_place():
    before = {"data": {"list": [1]}, "files": ["a"]}
    apply({"data": {"list": [2]}, "push": {"files": ["b"]}}, results=before)
    assert before == {"data": {"list": [1]}, "files": ["a"]}


def test_unchanged_results_are_not_written_again():
    assert apply({"progress": 1}, results={"data": {"big": "x"}}).results == {}


def test_a_list_and_something_else_under_the_same_name_do_not_mix():
    effect = apply({"data": {"x": [1]}}, {"data": {"x": "text"}}, {"data": {"x": [2]}})
    assert effect.results["data"] == {"x": [2]}


@pytest.mark.parametrize("key", ["data", "serverData", "workflowData"])
@pytest.mark.parametrize("value", [1, "x", [1], None, True])
def test_merged_keys_must_be_objects(key, value):
    effect = apply({key: value})
    assert effect.warnings == [f"WARNING: Invalid syntax: Not an object: {key}"]
    assert effect.results == {}


@pytest.mark.parametrize("key", ["tags", "actions", "limits"])
def test_unsound_items_are_left_out_with_a_warning(key):
    effect = apply({"push": {key: [5, None, [1], {"type": 1}]}})
    assert effect.pushed.get(key, []) == []
    assert len(effect.warnings) == 1


@pytest.mark.parametrize("duration", [None, "5", True, [1]])
def test_a_pushed_time_limit_needs_a_number(duration):
    limit = {"type": "time", "enabled": True, "duration": duration}
    assert apply({"push": {"limits": [limit]}}).pushed.get("limits", []) == []


def test_lists_of_the_job_and_keys_of_the_engine_are_not_set():
    owned = (
        *("id", "state", "event", "server", "pid", "started"),
        *("tags", "actions", "limits", "input"),
    )
    effect = apply(dict.fromkeys(owned, "evil"))
    assert (effect.results, effect.live, effect.pushed) == ({}, {}, {})


def test_complete_that_is_false_reports_nothing():
    assert "code" not in apply({"complete": False, "label": "x"}).results


def test_after_the_end_nothing_counts():
    effect = apply({"code": 0}, {"code": 1, "label": "late", "progress": 0.1, "data": {"a": 1}})
    assert effect.results == {"complete": True, "code": 0}
    assert effect.live == {}
    assert apply({"label": "x"}, results={"complete": True, "code": 0}).results == {}


@pytest.mark.parametrize(("given", "text"), [("x", "x"), (5, "5"), ({"a": 1}, '{"a":1}')])
def test_descriptions_are_text(given, text):
    assert apply({"code": 1, "description": given}).results["description"] == text


def test_shown_content_asks_clients_to_redraw():
    assert "redraw" in apply({"html": {"content": "x"}}).live
    assert "redraw" in apply({"table": {"rows": []}}).live
    assert "redraw" not in apply({"label": "x"}).live


def test_many_small_messages_take_time_that_grows_with_their_number_alone():
    sent = [{"xy": 1, "data": {"a": [1]}, "push": {"files": ["f"]}}] * 100_000
    effect = messages.apply(sent, {})
    assert len(effect.results["data"]["a"]) == len(effect.results["files"]) == 100_000
