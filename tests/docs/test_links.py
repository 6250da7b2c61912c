"""Links between pages lead somewhere."""

import re

import pytest

from tests.docs import pages

_LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", pages.everything(), ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    broken = [link for link in _LINK.findall(page.read_text()) if not leads_somewhere(page, link)]

    assert broken == []


def leads_somewhere(page, link):
    if link.startswith(("http://", "https://")):
        return True
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page):
    """The anchors that a page's headings get."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
