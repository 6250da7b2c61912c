"""Values at rest: sealed with AES-256-GCM, so that who reads the database does not know them."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

#: The first byte of what is sealed this way: a later way has another one.
_FORM = b"\x01"
_KEY_MARK_BYTES = 4
_NONCE_BYTES = 12
_HEAD_BYTES = len(_FORM) + _KEY_MARK_BYTES + _NONCE_BYTES


class SealError(Exception):
    """A value can't be unsealed; the message says why, for people."""


def seal(value: bytes, key: bytes, owner: str) -> bytes:
    """Seal a value for its owner: an id, without which it can't be unsealed.

    So a sealed value that was moved to another row is worthless there. `key` is any text that is
    hard to guess.
    """
    secret, mark = _derived(key)
    nonce = os.urandom(_NONCE_BYTES)
    return _FORM + mark + nonce + AESGCM(secret).encrypt(nonce, value, owner.encode())


def unseal(sealed: bytes, key: bytes, owner: str) -> bytes:
    """What was sealed; raises `SealError` where key or owner are others, or a bit was changed."""
    secret, mark = _derived(key)
    head, body = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES:]
    if len(head) < _HEAD_BYTES or head[:1] != _FORM:
        raise SealError("Unknown form")
    if head[1 : 1 + _KEY_MARK_BYTES] != mark:
        raise SealError("Sealed with another key")
    try:
        return AESGCM(secret).decrypt(head[-_NONCE_BYTES:], body, owner.encode())
    except InvalidTag:
        raise SealError("Damaged, or not its own") from None


def _derived(key: bytes) -> tuple[bytes, bytes]:
    """The key of the cipher, and a mark that tells which one it is, but not what it is."""
    made = HKDF(SHA256(), 32 + _KEY_MARK_BYTES, None, b"secrets").derive(key)
    return made[:32], made[32:]
