"""Long lists: sent in pieces, which together are what one piece would be."""

import gzip
import json
from contextlib import contextmanager

import pytest
from flask import Flask, Response

from blueprints import arrays
from blueprints.replies import array_reply
from models.database import db
from models.tag import Tag
from services import documents
from tests.blueprints.api import EVENT

pytestmark = pytest.mark.databases("sqlite")

CHUNKS = [[], ['{"a":1}', '{"b":[1,{"c":"ä"}]}'], [], ["[]"], []]


def rows(*chunks):
    return [json.loads(text) for chunk in chunks for text in chunk]


@contextmanager
def request(query="", **headers):
    with Flask("test").test_request_context(f"/?{query}", headers=headers):
        yield


def body(chunks, rest=None):
    reply = array_reply("rows", iter(chunks), rest)
    return reply.get_data() if isinstance(reply, Response) else f"{reply}\n".encode()


@pytest.mark.parametrize("chunks", [[], [[]], [[], []], [CHUNKS[1]], CHUNKS, [["1"]] * 3])
@pytest.mark.parametrize("rest", [None, {"list": '{"length":3}'}, {"list": lambda: "{}"}])
def test_pieces_are_what_the_whole_would_be(chunks, rest):
    whole = {"code": 0, "rows": rows(*chunks)}
    whole |= {key: json.loads(text) for key, text in arrays.members(rest or {}).items()}
    with request():
        compact = body(chunks, rest)
    assert json.loads(compact) == whole
    assert b" " not in compact
    assert compact.endswith(b"}\n")
    pretty = b"".join(arrays.pretty("rows", iter(chunks), rest or {}))
    assert pretty.decode() == json.dumps(whole, indent="\t", ensure_ascii=False) + "\n"


def test_pieces_are_compressed_for_those_who_accept_it():
    with request("pretty=1", **{"Accept-Encoding": "gzip"}):
        reply = array_reply("rows", iter(CHUNKS))
        assert reply.headers["Content-Encoding"] == "gzip"
        assert reply.headers["Vary"] == "Accept-Encoding"
        text = gzip.decompress(reply.get_data()).decode()
    whole = {"code": 0, "rows": rows(*CHUNKS)}
    assert text == json.dumps(whole, indent="\t", ensure_ascii=False) + "\n"


def test_what_comes_after_the_array_is_asked_for_when_it_is_complete():
    length = 0

    def chunks():
        nonlocal length
        for _ in range(3):
            length += 1
            yield ["1"]

    with request():
        text = body(chunks(), {"length": lambda: str(length)})
    assert json.loads(text) == {"code": 0, "rows": [1, 1, 1], "length": 3}


def test_only_one_chunk_is_made_ahead_of_what_is_read():
    made = 0

    def chunks():
        nonlocal made
        for _ in range(100):
            made += 1
            yield ["1"]

    with request():
        pieces = iter(array_reply("rows", chunks()).response)
        next(pieces)
        assert made == 2


def test_an_error_in_the_middle_does_not_look_like_an_end():
    def chunks():
        yield ["1"]
        yield ["2"]
        raise RuntimeError("the database is gone")

    with request(), pytest.raises(RuntimeError):
        body(chunks())


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_lists_of_records_are_whole_whatever_their_length(call, monkeypatch, count):
    monkeypatch.setattr(documents, "_CHUNK", 2)
    for number in range(count):
        event = {"id": f"e{number}", **EVENT, "notes": "odd" if number % 2 else "even"}
        assert call("create_event", event).status_code == 200
    reply = call("get_events").json
    assert [row["id"] for row in reply["rows"]] == [f"e{number}" for number in range(count)]
    assert reply["list"] == {"length": count}
    reply = call("/api/app/get_events/v1?notes=odd").json
    assert [row["id"] for row in reply["rows"]] == [f"e{n}" for n in range(1, count, 2)]
    assert reply["list"] == {"length": count // 2}


def test_keys_come_newest_first_and_tags_oldest_first(call, make_key, monkeypatch):
    monkeypatch.setattr(documents, "_CHUNK", 2)
    for number in range(4):
        make_key(title=f"Key {number}")
    reply = call("get_api_keys", method="POST").json
    assert [row["title"] for row in reply["rows"]][:4] == ["Key 3", "Key 2", "Key 1", "Key 0"]
    assert reply["list"]["length"] == len(reply["rows"]) == 5
    for number in range(4):
        tag = {"id": f"t{number}", "title": "x"}
        db.write(lambda connection, tag=tag: Tag.insert(connection, tag))
    ids = [row["id"] for row in call("get_tags").json["rows"]]
    assert ids[-4:] == ["t0", "t1", "t2", "t3"]
