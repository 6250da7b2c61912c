"""Tokens and key hashes: what proves that a caller may do something without a session."""

import base64
import hashlib
import hmac


def job_token(purpose: str, job_id: str, secret: bytes, expires: int | None = None) -> str:
    """The token that opens one job's log or stream: 22 URL-safe characters.

    `purpose` is `download` or `stream`. With `expires` (Unix seconds) the token carries its own
    end as a hexadecimal suffix.
    """
    suffix = "" if expires is None else f"-{expires:x}"
    message = f"{purpose}:{job_id}{suffix}".encode()
    digest = hmac.digest(secret, message, "sha256")[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") + suffix


def job_token_is_valid(
    token: str, purpose: str, job_id: str, secret: bytes, *, now: float, must_expire: bool
) -> bool:
    """Whether `token` opens the job; compares in constant time.

    With `must_expire` a token without an end, or one that has ended, is refused.
    """
    expires = _expiry(token)
    if must_expire and (expires is None or expires < now):
        return False
    expected = job_token(purpose, job_id, secret, expires)
    return hmac.compare_digest(expected.encode(), token.encode("utf-8", "replace"))


def _expiry(token: str) -> int | None:
    """The end that a token carries: 22 characters of digest come before it."""
    suffix = token[23:]
    if len(token) > 23 and token[22] == "-" and len(suffix) <= 12:
        try:
            return int(suffix, 16)
        except ValueError:
            return None
    return None


def worker_token(job_id: str, secret: bytes) -> str:
    """The token with which a process acts for one job: 64 hexadecimal digits."""
    return hmac.digest(secret, f"worker:{job_id}".encode(), "sha256").hex()


def worker_token_is_valid(token: str, job_id: str, secret: bytes) -> bool:
    """Whether `token` is this job's; compares in constant time."""
    expected = worker_token(job_id, secret)
    return hmac.compare_digest(expected.encode(), token.encode("utf-8", "replace"))


def key_digest(plain_key: str) -> str:
    """The digest under which an API key is looked up; hexadecimal SHA-256."""
    return hashlib.sha256(plain_key.encode("utf-8", "replace")).hexdigest()


def key_hash(plain_key: str, key_id: str) -> str:
    """The hash that an API key's record shows; hexadecimal SHA-256 of the key and its id."""
    return hashlib.sha256((plain_key + key_id).encode("utf-8", "replace")).hexdigest()


def key_mask(plain_key: str) -> str:
    """What remains visible of a key: its first and last four characters."""
    return f"{plain_key[:4]}********{plain_key[-4:]}"
