"""Markdown and HTML to safe HTML; also a program of its own, so that it can be stopped.

As a program it takes the kind as its argument, the content on stdin, and imports nothing of ours.
"""

import sys

import nh3
from markdown_it import MarkdownIt

_markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def render(kind: str, text: str) -> str:
    """Safe HTML of `markdown` or `html`; hostile content takes time that grows with its square."""
    if kind == "html":
        return nh3.clean(text)
    return f'<div class="markdown-body">{nh3.clean(_markdown.render(text))}</div>'


if __name__ == "__main__":
    sys.stdout.buffer.write(render(sys.argv[1], sys.stdin.buffer.read().decode()).encode())
