"""The `file` limit prunes a job's input, and never more than that."""

import pytest

from core import json
from engine.input_limit import pruned

FILES = [
    {"filename": "a.TXT", "size": 100},
    {"filename": "b.csv", "size": 200},
    {"filename": "c.txt", "size": 300},
]


def names(limit, files=FILES):
    job = {"limits": [{"type": "file", "enabled": True, **limit}]}
    text, entries = pruned(job, json.dumps({"data": {"x": 1}, "files": files}))
    kept = json.loads(text)
    assert kept["data"] == {"x": 1}
    return [file["filename"] for file in kept["files"]], [entry["msg"] for entry in entries]


@pytest.mark.parametrize(
    ("limit", "kept", "pruned_text"),
    [
        ({}, 3, None),
        ({"amount": None}, 3, None),
        ({"amount": 2}, 2, "Pruned 1 files from input (file amount limit exceeded)"),
        ({"amount": 0}, 0, "Pruned 3 files from input (file amount limit exceeded)"),
        ({"size": 600}, 3, None),
        ({"size": 599}, 2, "Pruned 1 files from input (file size limit exceeded)"),
        ({"size": 99}, 0, "Pruned 3 files from input (file size limit exceeded)"),
        ({"size": 0}, 3, None),
    ],
)
def test_amount_and_size_keep_the_first_files(limit, kept, pruned_text):
    found, texts = names(limit)
    assert found == [file["filename"] for file in FILES[:kept]]
    assert texts == ([pruned_text] if pruned_text else [])


@pytest.mark.parametrize("accept", [".txt", "txt", " .TXT , .md", ".md,.txt"])
def test_kinds_are_the_ends_of_names(accept):
    found, texts = names({"accept": accept})
    assert found == ["a.TXT", "c.txt"]
    assert texts == ["Pruned 1 files from input (file extension match)"]


def test_rules_follow_each_other():
    found, texts = names({"amount": 2, "size": 150, "accept": ".csv"})
    assert found == []
    assert [text.partition("(")[2] for text in texts] == [
        "file amount limit exceeded)",
        "file size limit exceeded)",
        "file extension match)",
    ]


def test_files_without_a_size_count_nothing():
    found, _ = names({"size": 1}, [{"filename": "x"}, {"filename": "y", "size": "big"}])
    assert found == ["x", "y"]


@pytest.mark.parametrize("text", [None, "{}", '{"files":[]}', '{"data":{}}'])
def test_without_files_there_is_nothing_to_prune(text):
    job = {"limits": [{"type": "file", "enabled": True, "amount": 0}]}
    assert pruned(job, text) == (text, [])


def test_a_disabled_limit_does_nothing():
    text = json.dumps({"files": FILES})
    job = {"limits": [{"type": "file", "enabled": False, "amount": 0}]}
    assert pruned(job, text) == (text, [])
