"""What a plugin wants shown: Markdown, text or HTML, turned into HTML that is safe to show."""

import html
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from engine import rendering
from services.macros import Macros, has_macro

#: Gives the values that macros stand for.
Values = Callable[[], Mapping[str, Any]]

#: The kinds of content, first come first shown.
KINDS = ("markdown", "text", "html")
#: More than this of one content is cut off, characters.
_MOST_CHARS = 1024 * 1024
#: Up to this even hostile content takes a few hundredths of a second, characters.
_MOST_HERE_CHARS = 16 * 1024
#: Larger content is rendered in a process of its own, which gets this long, seconds.
_LONGEST_SECONDS = 1.0


def render(sections: dict[str, Any], warnings: list[str], values: Values = dict) -> dict[str, Any]:
    """The content to show: the first that there is of `markdown`, `text` and `html`.

    The result has `title`, `content` and `caption` as far as they were given. Macros stand for
    `values`, which are only asked for where there are some. What can't be rendered in good time
    is shown as plain text.
    """
    kind = next(kind for kind in KINDS if kind in sections)
    section = sections[kind]
    if not isinstance(section, dict):
        section = {"content": section}
    return {**section, "content": _content(kind, section.get("content"), warnings, values)}


def _content(kind: str, value: Any, warnings: list[str], values: Values) -> str:
    text = value if isinstance(value, str) else str(value or "")
    if len(text) > _MOST_CHARS:
        warnings.append(f"WARNING: {kind} was cut to {_MOST_CHARS} characters.")
        text = text[:_MOST_CHARS]
    if kind == "text":
        return preformatted(text)
    if has_macro(text):
        text = Macros(values(), undefined="n/a").expand(text)
    if len(text) <= _MOST_HERE_CHARS:
        return rendering.render(kind, text)
    try:
        return _render_apart(kind, text)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        warnings.append(f"WARNING: {kind} can't be rendered in good time and is shown as text.")
        return preformatted(text)


def _render_apart(kind: str, text: str) -> str:
    """Render in another process, which is killed when it takes too long."""
    command = [sys.executable, "-I", rendering.__file__, kind]
    done = subprocess.run(
        command, input=text.encode(), capture_output=True, check=True, timeout=_LONGEST_SECONDS
    )
    return done.stdout.decode()


def preformatted(text: str) -> str:
    """Plain text as HTML."""
    return f"<pre>{html.escape(text, quote=False)}</pre>"
