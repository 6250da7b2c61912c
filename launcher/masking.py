"""Secrets in what a job prints: replaced before anything of it is kept."""

from __future__ import annotations

from collections.abc import Sequence

MASK = b"********"


class Masker:
    """Replaces secrets in one stream, also where a chunk ends in the middle of one."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        """`secrets` without empty ones and line ends, the longest first."""
        self._secrets = secrets
        self._longest = max(map(len, secrets), default=0)
        # The end of what came, if it may be the beginning of a secret.
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; return what can be told of all so far."""
        if not self._secrets:
            return chunk
        data = self._held + chunk
        cut = self._whole(data, self._begun(data))
        self._held = data[cut:]
        return mask(data[:cut], self._secrets)

    def end(self) -> bytes:
        """The stream is over: what was held back is no beginning."""
        held, self._held = self._held, b""
        return mask(held, self._secrets)

    def _begun(self, data: bytes) -> int:
        """Where the end begins that may be the beginning of a secret."""
        first = max(data.rfind(b"\n") + 1, len(data) - self._longest + 1)
        return min(self._first_start(data, secret, first) for secret in self._secrets)

    def _whole(self, data: bytes, cut: int) -> int:
        """Where to cut instead, so that no secret which is there is cut in two."""
        for secret in self._secrets:
            start = data.find(secret, max(0, cut - len(secret) + 1), cut + len(secret) - 1)
            if 0 <= start < cut:
                return start + len(secret)
        return cut

    @staticmethod
    def _first_start(data: bytes, secret: bytes, first: int) -> int:
        """Where the first end of the data begins that this secret begins with."""
        start = data.find(secret[:1], first)
        while start >= 0:
            if secret.startswith(data[start:]):
                return start
            start = data.find(secret[:1], start + 1)
        return len(data)


def mask(data: bytes, secrets: Sequence[bytes]) -> bytes:
    """The data with each secret replaced."""
    for secret in secrets:
        if secret in data:
            data = data.replace(secret, MASK)
    return data
