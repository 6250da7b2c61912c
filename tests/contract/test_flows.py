"""Sequences of calls, and what the API promises of them, the texts of the activity included."""

import re

import pytest

from tests.contract.player import FOLDER, load
from tests.docs import pages

FLOWS = sorted(path.stem for path in (FOLDER / "flows").glob("*.json"))


@pytest.mark.parametrize("name", FLOWS)
def test_flow(player, name):
    player.play(load(f"flows/{name}.json"))


def test_what_differs_from_xyops_has_its_number_in_the_documentation():
    page = pages.read("docs/differences.md")
    told = {int(number) for number in re.findall(r"^(\d+)\. ", page, re.MULTILINE)}
    steps = [step for name in FLOWS for step in load(f"flows/{name}.json")]
    used = {number for step in steps for number in step.get("differs", ())}

    assert used
    assert used <= told
