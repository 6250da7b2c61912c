"""The body of the response: decoded piece by piece, its beginning kept, all of it on disk if
it is a download."""

import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from http_settings import RequestError

#: As much of a body as is kept in memory, to be matched and to be shown.
MAX_KEPT_BYTES = 1024 * 1024
CHUNK_BYTES = 64 * 1024

_TEXT_CHARSETS = re.compile(
    r"utf-?(8|16|32)|us-ascii|iso-8859|latin|windows-|cp\d|koi8|shift|euc|gb|big5", re.IGNORECASE
)


class Body:
    """The beginning of the response's body, and the file that all of it goes to, if any."""

    def __init__(self, file: BinaryIO | None = None) -> None:
        self.kept = bytearray()
        self.size_bytes = 0
        self._file = file

    @property
    def is_whole(self) -> bool:
        """Whether `kept` is everything."""
        return self.size_bytes == len(self.kept)

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        self.size_bytes += len(piece)
        if room := MAX_KEPT_BYTES - len(self.kept):
            self.kept += piece[:room]
        if self._file:
            try:
                self._file.write(piece)
            except OSError as error:
                raise RequestError(f"Failed to write file: {error.strerror}") from None

    def text(self, charset: str | None) -> str:
        """What is kept, as text; what is no text in this character set is replaced."""
        if not charset or not _TEXT_CHARSETS.match(charset):
            charset = "utf-8"
        try:
            return self.kept.decode(charset, "replace")
        except LookupError:
            return self.kept.decode("utf-8", "replace")


class Decoder:
    """Undoes the response's content encoding, in pieces of bounded size."""

    def __init__(self, content_encoding: str) -> None:
        # 47: the widest window, and gzip or zlib framing, whichever it turns out to be.
        compressed = content_encoding.strip().lower() in ("gzip", "x-gzip", "deflate")
        self._inflater = zlib.decompressobj(47) if compressed else None

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the plain pieces of `chunk`."""
        while chunk and self._inflater:
            if self._inflater.eof and len(self._inflater.unused_data) > 1:
                # Padding after the end, which the inflater would collect without a bound.
                return
            try:
                yield self._inflater.decompress(chunk, CHUNK_BYTES)
            except zlib.error as error:
                raise RequestError(f"Invalid HTTP response: {error}") from None
            chunk = self._inflater.unconsumed_tail
            # A gzip stream may be several in a row; anything else after its end is padding.
            if self._inflater.unused_data.startswith(b"\x1f\x8b"):
                chunk = self._inflater.unused_data
                self._inflater = zlib.decompressobj(47)
        if not self._inflater:
            yield chunk

    def finish(self) -> bytes:
        """The last piece; raises `RequestError` when the compressed body stops in its middle."""
        if not self._inflater:
            return b""
        rest = self._inflater.flush()
        if not self._inflater.eof:
            raise RequestError("Incomplete response: The compressed body ends early")
        return rest
