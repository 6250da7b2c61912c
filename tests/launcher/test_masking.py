"""Secrets in a stream, however it is cut into chunks."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.masking import Masker, mask

SECRETS = [b"hunter22", b"hunter2", b"aaab", b"\xc3\xa9t\xc3\xa9"]


def feed(chunks, secrets=SECRETS):
    masker = Masker(secrets)
    return b"".join([*map(masker.feed, chunks), masker.end()])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"nothing here\n", b"nothing here\n"),
        (b"is hunter2.\n", b"is ********.\n"),
        (b"hunter22hunter2", b"****************"),
        (b"aaaaaab", b"aaa********"),
        (b"hunte\nr2 hunter", b"hunte\nr2 hunter"),
    ],
)
def test_secrets_are_masked_wherever_a_chunk_ends(text, expected):
    for place in range(len(text) + 1):
        assert feed([text[:place], text[place:]]) == expected
    assert feed([text[i : i + 1] for i in range(len(text))]) == expected


@given(st.lists(st.sampled_from([*SECRETS, b"a", b"hunter", b"\n", b"x y", b"\xc3"]), max_size=12))
def test_no_secret_is_ever_told_and_nothing_else_is_lost(pieces):
    text = b"".join(pieces)
    told = feed([text[i : i + 3] for i in range(0, len(text), 3)])
    assert not any(secret in told for secret in SECRETS)
    assert told.replace(b"********", b"").count(b"\n") == text.count(b"\n")


def test_what_can_not_become_a_secret_is_told_at_once():
    masker = Masker(SECRETS)
    assert masker.feed(b"progress: 5%") == b"progress: 5%"
    assert masker.feed(b" hunt") == b" "
    assert masker.feed(b"ing\n") == b"hunting\n"


def test_a_masker_without_secrets_is_no_work():
    chunk = b"x" * 1000
    assert Masker([]).feed(chunk) is chunk
    assert mask(chunk, [b"y"]) is chunk


def test_a_hundred_secrets_are_looked_for_in_little_time():
    """The worst there is: every byte may begin one."""
    masker = Masker([b"a" * 2000 + str(number).encode() for number in range(100)])
    began = time.process_time()
    for _ in range(16):
        masker.feed(b"a" * 64 * 1024)
    assert time.process_time() - began < 5
