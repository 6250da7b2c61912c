"""Sealed values: what opens them, and what does not."""

import pytest

from core.sealing import SealError, seal, unseal

KEY = b"a key that nobody guesses, for tests"


@pytest.mark.parametrize("value", [b"", b"x", b"\x00\xff" * 1000, b"x" * 1_000_000])
def test_a_value_comes_back_as_it_was(value):
    assert unseal(seal(value, KEY, "z1"), KEY, "z1") == value


def test_a_sealed_value_tells_nothing_and_is_never_twice_the_same():
    first, second = (seal(b"hunter2 hunter2", KEY, "z1") for _ in range(2))
    assert first != second
    assert b"hunter2" not in first
    assert KEY[:4] not in first


def test_another_key_is_said_to_be_another():
    with pytest.raises(SealError, match="Sealed with another key"):
        unseal(seal(b"x", KEY, "z1"), KEY + b"!", "z1")


def test_a_value_that_was_moved_to_another_row_is_worthless_there():
    with pytest.raises(SealError, match="Damaged, or not its own"):
        unseal(seal(b"x", KEY, "z1"), KEY, "z2")


def test_every_changed_byte_is_noticed():
    sealed = seal(b"value", KEY, "z1")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SealError):
            unseal(bytes(changed), KEY, "z1")
    for length in range(len(sealed)):
        with pytest.raises(SealError):
            unseal(sealed[:length], KEY, "z1")
