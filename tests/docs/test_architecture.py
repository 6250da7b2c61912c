"""docs/architecture.md names modules, columns and frames that exist."""

import re

import pytest

from engine import lease
from launcher import commands
from models.database import db
from models.job import Job
from tests.docs import pages

PAGE = pages.read("docs/architecture.md")


def test_the_modules_that_it_names_exist():
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)`", PAGE))

    assert len(named) > 30
    assert [name for name in sorted(named) if not (pages.ROOT / name).is_file()] == []


def test_the_table_of_jobs_has_every_column():
    table = pages.section(PAGE, "## The tables")
    told = set(re.findall(r"`(\w+)`", table))

    assert {column.name for column in Job.__table__.columns} - told == set()


def test_every_table_is_named():
    section = pages.section(PAGE, "## The tables")

    assert [name for name in db.metadata.tables if f"`{name}`" not in section] == []


def test_every_command_of_the_launcher_is_told():
    told = set(re.findall(r"^\| `(\w+)`(?: \(| \|)", pages.section(PAGE, "## The launcher"), re.M))

    assert told == set(commands.Commands(None, None)._handlers)


@pytest.mark.parametrize(
    ("text", "value"),
    [("The lease runs 5 s", lease.LEASE_SECONDS), ("renewed every second", lease.RENEW_SECONDS)],
)
def test_the_times_of_leadership_are_true(text, value):
    assert text in PAGE
    assert value == (5.0 if "5 s" in text else 1.0)
