"""What a plugin wants shown: Markdown, text or HTML, turned into HTML that is safe to show."""

import html
from typing import Any

import nh3
from markdown_it import MarkdownIt

#: More than this of one content is cut off, characters.
_MOST_CHARS = 1024 * 1024
_markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def render(message: dict[str, Any], warnings: list[str]) -> dict[str, Any] | None:
    """The `html` that a message asks for: from `markdown`, `text` or `html`, the first that it has.

    The result has `title`, `content` and `caption` as far as they were given.
    """
    for kind in ("markdown", "text", "html"):
        section = message.get(kind)
        if section is None:
            continue
        if not isinstance(section, dict):
            section = {"content": section}
        return {**section, "content": _content(kind, section.get("content"), warnings)}
    return None


def _content(kind: str, value: Any, warnings: list[str]) -> str:
    text = value if isinstance(value, str) else str(value or "")
    if len(text) > _MOST_CHARS:
        warnings.append(f"WARNING: {kind} was cut to {_MOST_CHARS} characters.")
        text = text[:_MOST_CHARS]
    if kind == "text":
        return preformatted(text)
    if kind == "markdown":
        return f'<div class="markdown-body">{nh3.clean(_markdown.render(text))}</div>'
    return nh3.clean(text)


def preformatted(text: str) -> str:
    """Plain text as HTML."""
    return f"<pre>{html.escape(text, quote=False)}</pre>"
