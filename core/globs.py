"""Files by patterns with `*`, `?`, `[…]` and `**`, with a bound on what is looked through."""

import fnmatch
import os
import re
from collections.abc import Iterator
from glob import has_magic
from itertools import groupby
from pathlib import Path

#: Names that are looked at for one pattern: links can make folders that have no end.
_MOST_LOOKS = 500_000
_ANY_DEPTH = "**"

#: A path, and the parts of the pattern that go on from there.
_Place = tuple[str, tuple[str, ...]]


class TooMuchError(Exception):
    """There is more to look through than anybody would wait for."""


def matches(root: Path, pattern: str) -> Iterator[str]:
    """Paths that match, relative to `root` unless the pattern is absolute, in no certain order.

    Some may come twice. As in shells, only a part that begins with a dot matches such names; `**`
    does not follow links to folders. Raises `TooMuchError`.
    """
    looks = 0
    # A list and no recursion: folders may nest deeper than calls can.
    places: list[_Place] = [("/" if pattern.startswith("/") else "", _parts(pattern))]
    while places:
        path, parts = places.pop()
        if not parts:
            yield path
            continue
        for place in _further(root, path, parts):
            looks += 1
            if looks > _MOST_LOOKS:
                raise TooMuchError
            if place is not None:
                places.append(place)


def _parts(pattern: str) -> tuple[str, ...]:
    """The parts of a pattern; `**` twice is no more than once."""
    parts = [part for part in pattern.split("/") if part]
    return tuple(
        part
        for part, group in groupby(parts)
        for part in ([part] if part == _ANY_DEPTH else list(group))
    )


def _further(root: Path, path: str, parts: tuple[str, ...]) -> Iterator[_Place | None]:
    """Where one more part leads; None for each name that was looked at in vain."""
    part, rest = parts[0], parts[1:]
    if part == _ANY_DEPTH:
        if os.path.isdir(root / path):  # noqa: PTH112 - pathlib's raises for paths that are too long
            yield path, rest
        for entry in _entries(root / path):
            is_folder = entry.is_dir(follow_symlinks=False)
            is_meant = not entry.name.startswith(".") and (is_folder or not rest)
            yield (_below(path, entry.name), parts if is_folder else ()) if is_meant else None
    elif has_magic(part):
        fits = re.compile(fnmatch.translate(part)).match
        for entry in _entries(root / path):
            is_meant = part.startswith(".") or not entry.name.startswith(".")
            yield (_below(path, entry.name), rest) if is_meant and fits(entry.name) else None
    elif os.path.lexists(root / path / part):
        yield _below(path, part), rest


def _below(path: str, name: str) -> str:
    return f"{path.rstrip('/')}/{name}" if path else name


def _entries(folder: Path) -> "Iterator[os.DirEntry[str]]":
    """What is in a folder; nothing where it is none, or can't be read."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:
        return
