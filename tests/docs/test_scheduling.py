"""docs/scheduling.md is right: what it says that crontab lines become is what they become."""

import json
import re

import pytest

from core.crontabs import parse
from schemas.patterns import Budget
from schemas.references import References
from schemas.triggers import check_triggers
from tests.docs import pages

PAGE = pages.read("docs/scheduling.md")
EXAMPLES = re.findall(r"^```cron\n(.*?)```\n```json\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)


def test_there_are_ten_examples_for_those_who_come_from_cron():
    assert len(EXAMPLES) == 10


@pytest.mark.parametrize(("line", "shown"), EXAMPLES)
def test_a_line_becomes_what_the_page_shows(line, shown):
    [entry] = parse(line)
    assert entry.triggers == json.loads(shown)
    nobody = References(*[lambda _key: None] * 3, frozenset)
    check_triggers({"triggers": entry.triggers, "fields": []}, nobody, Budget())
