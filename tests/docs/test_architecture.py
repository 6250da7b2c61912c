"""docs/architecture.md names modules, columns, frames and times that exist."""

import re

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


def test_every_module_of_the_engine_is_named():
    modules = {f"engine/{path.name}" for path in (pages.ROOT / "engine").glob("[a-z]*.py")}
    # Small ones whose names say all.
    modules -= {"engine/cli.py", "engine/limits.py", "engine/turn.py"}

    assert [name for name in sorted(modules) if f"`{name}`" not in PAGE] == []


def test_the_table_of_jobs_has_every_column():
    told = set(re.findall(r"`(\w+)`", pages.section(PAGE, "## The tables")))

    assert {column.name for column in Job.__table__.columns} - told == set()


def test_every_table_is_named():
    section = pages.section(PAGE, "## The tables")

    assert [name for name in db.metadata.tables if f"`{name}`" not in section] == []


def test_every_command_of_the_launcher_is_told():
    section = pages.section(PAGE, "## The launcher")
    told = set(re.findall(r"^\| `(\w+)`(?: \(| \|)", section, re.MULTILINE))

    assert told == set(commands.Commands(None, None)._handlers)


def test_the_times_of_leadership_are_true():
    section = pages.section(PAGE, "## Leadership")

    assert f"The lease runs {lease.LEASE_SECONDS:g} s" in section
    assert ("renewed every second" in section) == (lease.RENEW_SECONDS == 1)
