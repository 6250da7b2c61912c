"""What a plugin wants shown: Markdown, text or HTML, turned into HTML that is safe to show."""

import html
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nh3
from markdown_it import MarkdownIt

#: The kinds of content, first come first shown.
KINDS = ("markdown", "text", "html")
#: More than this of one content is cut off, characters.
_MOST_CHARS = 1024 * 1024
#: Rendering ends after this; hostile Markdown takes time that grows with its square, seconds.
_LONGEST_SECONDS = 0.25
#: Elements inside each other; the sanitiser's time grows with their square.
_DEEPEST = 200
_TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*)")
#: Elements that have no end, or end by themselves.
_SHALLOW = frozenset(
    (
        *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"),
        *("track", "wbr", "p", "li", "td", "th", "tr", "option", "dt", "dd"),
    )
)
_markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])


class _TooSlow(Exception):
    """Rendering took longer than it may."""


def render(sections: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    """The content to show: the first that there is of `markdown`, `text` and `html`.

    The result has `title`, `content` and `caption` as far as they were given. What can't be
    rendered in good time is shown as plain text.
    """
    kind = next(kind for kind in KINDS if kind in sections)
    section = sections[kind]
    if not isinstance(section, dict):
        section = {"content": section}
    return {**section, "content": _content(kind, section.get("content"), warnings)}


def _content(kind: str, value: Any, warnings: list[str]) -> str:
    text = value if isinstance(value, str) else str(value or "")
    if len(text) > _MOST_CHARS:
        warnings.append(f"WARNING: {kind} was cut to {_MOST_CHARS} characters.")
        text = text[:_MOST_CHARS]
    try:
        return _render(kind, text)
    except _TooSlow:
        warnings.append(f"WARNING: {kind} takes too long to render and is shown as text.")
        return preformatted(text)


def _render(kind: str, text: str) -> str:
    if kind == "text":
        return preformatted(text)
    if kind == "html":
        return _clean(text)
    with _time_limit():
        rendered = _markdown.render(text)
    return f'<div class="markdown-body">{_clean(rendered)}</div>'


def _clean(text: str) -> str:
    """`text` without what could do harm; raises `_TooSlow` for what would take for ever."""
    depth = 0
    for slash, name in _TAG.findall(text):
        if name.lower() not in _SHALLOW:
            depth = max(0, depth - 1) if slash else depth + 1
            if depth > _DEEPEST:
                raise _TooSlow
    return nh3.clean(text)


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise `_TooSlow` in the body when it takes too long; works in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _LONGEST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def preformatted(text: str) -> str:
    """Plain text as HTML."""
    return f"<pre>{html.escape(text, quote=False)}</pre>"
