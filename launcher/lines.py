"""Standard output cut into text, lines that look like JSON, and percentages."""

from __future__ import annotations

import re
import time
from enum import Enum, auto

#: A longer line is text, whatever it looks like.
MAX_JSON_LINE_BYTES = 32 * 1024 * 1024
#: A longer line is no percentage.
MAX_PERCENT_LINE_BYTES = 64

_PERCENT = re.compile(rb"\s*(\d+)%\s*")
_PERCENT_BEGUN = re.compile(rb"\s*\d+%?\s*")


class Kind(Enum):
    """What a piece of standard output is."""

    TEXT = auto()
    #: A line that starts with { and ends with }.
    JSON = auto()
    #: A line like `50%`; only shell jobs have these.
    PERCENT = auto()
    #: Text as well: the beginning of a JSON line that grew too long.
    OVERSIZED = auto()


Piece = tuple[Kind, bytes]


def percent_fraction(line: bytes) -> float:
    """The progress, 0 to 1, that a percentage line stands for."""
    digits = line.strip().rstrip(b"%").lstrip(b"0")
    return 1.0 if len(digits) > 2 else int(digits or b"0") / 100


class LineSplitter:
    """Cuts chunks as they arrive; only a line that may still be special is held back."""

    def __init__(self, shell: bool) -> None:
        self._shell = shell
        # The unfinished line that may still be special, and its first non-blank byte.
        self._held = bytearray()
        self._lead = b""
        # Whether the unfinished line is text whose beginning is already out.
        self._passing = False

    def feed(self, chunk: bytes) -> list[Piece]:
        """Take the next bytes; return what they complete, in order."""
        pieces: list[Piece] = []
        if self._passing or self._held:
            chunk = self._continue_line(chunk, pieces)
        end = chunk.rfind(b"\n") + 1
        self._cut_whole_lines(chunk[:end], pieces)
        self._hold(chunk[end:], pieces)
        return pieces

    def end(self) -> list[Piece]:
        """The stream is over: a last line without newline counts as it stands."""
        return [self._take_held()] if self._held else []

    def _continue_line(self, chunk: bytes, pieces: list[Piece]) -> bytes:
        """Give the unfinished line its bytes; return the bytes after its newline."""
        end = chunk.find(b"\n") + 1
        part, rest = (chunk[:end], chunk[end:]) if end else (chunk, b"")
        if self._passing:
            pieces.append((Kind.TEXT, part))
        elif end and len(self._held) + end <= MAX_JSON_LINE_BYTES:
            self._held += part
            pieces.append(self._take_held())
        else:
            self._hold(part, pieces)
        if end:
            self._passing = False
        return rest

    def _cut_whole_lines(self, block: bytes, pieces: list[Piece]) -> None:
        if b"{" not in block and not (self._shell and b"%" in block):
            # Nothing special inside: most output takes this way, uncut.
            if block:
                pieces.append((Kind.TEXT, block))
            return
        start = text_start = 0
        while start < len(block):
            end = block.index(b"\n", start) + 1
            line = block[start:end]
            kind = self._kind(line)
            if kind is not Kind.TEXT:
                if text_start < start:
                    pieces.append((Kind.TEXT, block[text_start:start]))
                pieces.append((kind, line))
                text_start = end
            start = end
        if text_start < start:
            pieces.append((Kind.TEXT, block[text_start:]))

    def _hold(self, part: bytes, pieces: list[Piece]) -> None:
        """Add to the unfinished line, and let it out as soon as it can only be text."""
        if not part:
            return
        if not self._lead:
            self._lead = part.lstrip()[:1]
        self._held += part
        if len(self._held) > MAX_JSON_LINE_BYTES:
            kind = Kind.OVERSIZED if self._lead == b"{" else Kind.TEXT
        elif self._may_be_special():
            return
        else:
            kind = Kind.TEXT
        pieces.append((kind, bytes(self._held)))
        self._forget_held()
        self._passing = True

    def _may_be_special(self) -> bool:
        if self._lead in (b"", b"{"):
            return True
        short = len(self._held) <= MAX_PERCENT_LINE_BYTES
        return self._shell and short and _PERCENT_BEGUN.fullmatch(self._held) is not None

    def _take_held(self) -> Piece:
        line = bytes(self._held)
        self._forget_held()
        return self._kind(line), line

    def _forget_held(self) -> None:
        self._held = bytearray()
        self._lead = b""

    def _kind(self, line: bytes) -> Kind:
        stripped = line.strip()
        if len(stripped) > 2 and stripped[0] == 0x7B and stripped[-1] == 0x7D:
            return Kind.JSON
        if self._shell and len(line) <= MAX_PERCENT_LINE_BYTES and _PERCENT.fullmatch(line):
            return Kind.PERCENT
        return Kind.TEXT


class LineStamper:
    """Puts the local time before each line of text."""

    def __init__(self) -> None:
        self._at_line_start = True

    def stamp(self, text: bytes) -> bytes:
        prefix = time.strftime("[%Y/%m/%d %H:%M:%S] ").encode()
        first = prefix if self._at_line_start else b""
        self._at_line_start = text.endswith(b"\n")
        body = text[:-1] if self._at_line_start else text
        last = b"\n" if self._at_line_start else b""
        return first + body.replace(b"\n", b"\n" + prefix) + last
