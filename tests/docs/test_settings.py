"""docs/settings.md lists the settings and commands that there are, with their defaults."""

import re

import pytest

from app import create_app
from core import config
from tests.docs import pages

PAGE = pages.read("docs/settings.md")
#: Commands of Flask itself and of its extensions, which the page need not list.
THEIRS = {"routes", "run", "shell", "db"}


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    return create_app({"INSTANCE_PATH": tmp_path_factory.mktemp("instance")}).cli.commands


def test_the_table_has_every_setting_with_its_default():
    told = re.findall(r"^\| `SWITCHYARD_(\w+)` \| (?:`(.*?)`)? ?\| ", PAGE, re.MULTILINE)
    true = [(setting.name, setting.default) for setting in config.SETTINGS]

    assert told == [("INSTANCE_PATH", "instance"), *true[1:]]
    assert true[0] == ("INSTANCE_PATH", str(pages.ROOT / "instance"))


def test_the_example_of_a_config_file_is_accepted(tmp_path):
    (example,) = pages.blocks(PAGE, "python")
    (tmp_path / "config.py").write_text(example)

    settings = config.load(environ={"SWITCHYARD_INSTANCE_PATH": str(tmp_path)})

    assert settings["BIND"] == "0.0.0.0:8080"
    assert settings["JOB_ENV"]["TZ"] == "Europe/Vienna"
    assert settings["TOKEN_LIFETIME"] == 604800


def test_variables_of_ours_that_pages_name_exist():
    known = {f"SWITCHYARD_{setting.name}" for setting in config.SETTINGS}
    # The marker of a job's processes; no setting.
    known.add("SWITCHYARD_LAUNCH")
    named = {
        name
        for page in pages.everything()
        for name in re.findall(r"SWITCHYARD_[A-Z_]*[A-Z]", page.read_text())
    }

    assert named - known == set()


def test_commands_that_pages_name_exist(commands):
    named = {
        (group, name)
        for page in pages.everything()
        for group, name in re.findall(r"flask (?:--app app )?([a-z]\w*)(?: ([a-z]+))?", code(page))
    }

    assert ("keys", "create") in named
    assert [pair for pair in named if not exists(commands, *pair)] == []


def exists(commands, group, name):
    if group not in commands:
        return group in THEIRS
    subcommands = getattr(commands[group], "commands", None)
    return subcommands is None or not name or name in subcommands


def test_every_command_of_ours_is_documented(commands):
    for group in commands.keys() - THEIRS:
        for name in getattr(commands[group], "commands", {"": None}):
            assert f"`flask {group} {name}".strip() in PAGE


def test_targets_of_make_that_pages_name_exist():
    targets = re.findall(r"^(\w+):", pages.read("Makefile"), re.MULTILINE)
    named = {
        name
        for page in pages.everything()
        for name in re.findall(r"^make (\w+)|`make (\w+)", page.read_text(), re.MULTILINE)
    }

    assert ("", "serve") in named
    assert {first or second for first, second in named} <= set(targets)


def code(page):
    """What a page shows as code: blocks and spans."""
    text = page.read_text()
    spans = re.findall(r"`([^`\n]+)`", text)
    return "\n".join([*spans, *re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)])
