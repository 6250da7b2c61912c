"""Action plugins: what they are started with, and what an action says of them."""

import pytest

from core import json
from models.database import db
from models.plugin import Plugin
from services import plugin_actions
from services.errand import Errand, Ran
from services.secrets import secrets
from services.web_hook_calls import sample_job
from tests.factories import ADMIN

pytestmark = pytest.mark.databases("sqlite")

PARAMS = [
    {"id": "size", "title": "Size", "type": "text", "value": "5"},
    {"id": "who", "title": "Who", "type": "text", "value": "nobody"},
    {"id": "target", "title": "Target", "type": "text", "value": "safe", "locked": True},
]


@pytest.fixture
def run(app):
    """Run an action of a plugin with these properties; its outcome, and its processes."""

    def work(action=None, ran=None, **plugin):
        record = {"id": "p1", "title": "x", "type": "action", "enabled": True, "command": "notify"}
        record |= plugin
        db.write(lambda connection: Plugin.insert(connection, record))
        processes = []

        def runner(_errand, process):
            processes.append(process)
            return ran or Ran()

        given = {"type": "plugin", "plugin_id": "p1"} | (action or {})
        errand = Errand("x1", "success", given, sample_job(), app.config, runner)
        return plugin_actions.run(errand), processes

    return work


def test_a_plugin_gets_what_web_hooks_tell_and_its_parameters(run):
    params = {"size": 7, "who": "$JOB_ID of $who", "target": "mine", "PATH": "/evil"}
    outcome, (process,) = run({"params": params}, params=PARAMS, env={"EXTRA": 1}, cwd="/var")
    told = json.loads(process.stdin)
    wanted = {"size": 7, "who": "$JOB_ID of $who", "target": "safe", "PATH": "/evil"}
    assert (told["xy"], told["type"], told["condition"]) == (1, "action", "success")
    assert told["params"] == wanted
    assert told["job"]["id"] == "jsample"
    assert told["text"].startswith("xyOps Job completed successfully on ")
    assert told["idempotency_key"] == "x1"
    environment = process.environment
    assert environment["IDEMPOTENCY_KEY"] == "x1"
    assert (environment["size"], environment["target"], environment["EXTRA"]) == ("7", "safe", "1")
    assert environment["who"] == "jsample of $who"
    assert environment["PATH"] != "/evil"
    assert environment["XYOPS_BASE_URL"] == told["base_url"]
    assert process.argv == ["/bin/sh", "-c", "notify", "sh"]
    assert (process.cwd, process.seconds, process.script) == ("/var", 60, None)
    assert outcome.texts == ["Running custom action Plugin: #p1"]


def test_a_plugin_gets_its_secrets_which_are_masked_in_what_it_prints(run):
    given = {"id": "z1", "title": "x", "fields": [{"name": "TOKEN", "value": "hush"}]}
    secrets.create(given | {"plugins": ["p1"]}, ADMIN)
    _, (process,) = run()
    assert json.loads(process.stdin)["secrets"] == {"TOKEN": "hush"}
    assert (process.environment["TOKEN"], process.secrets) == ("hush", ("hush",))


def test_a_plugin_whose_secrets_are_lost_is_not_run(run, app):
    given = {"id": "z1", "title": "x", "fields": [{"name": "TOKEN", "value": "hush"}]}
    secrets.create(given | {"plugins": ["p1"]}, ADMIN)
    app.config["VAULT_KEY"] = b"another key of enough length, to be sure"
    outcome, processes = run()
    assert outcome.result["code"] == "plugin"
    assert outcome.result["description"].startswith("Failed to decrypt secret: #z1")
    assert processes == []


def test_the_path_of_a_script_follows_the_command(run):
    _, (process,) = run(command="bash -x", script="echo hello")
    assert process.argv == ["/bin/sh", "-c", 'bash -x "$@"', "sh"]
    assert process.script == "echo hello\n"


@pytest.mark.parametrize(
    ("plugin", "text"),
    [
        ({"id": "other"}, "Plugin not found: p1"),
        ({"type": "event"}, "Plugin not found: p1"),
        ({"enabled": False}, "Plugin is disabled: p1"),
    ],
)
def test_what_can_not_be_run_says_why(run, plugin, text):
    outcome, processes = run(**plugin)
    assert outcome.result == {"code": "plugin", "description": text}
    assert processes == []


DONE = "Successfully ran Action Plugin"


@pytest.mark.parametrize(
    ("ran", "code", "description"),
    [
        ({}, 0, DONE),
        ({"message": {"xy": 1}}, 0, DONE),
        ({"message": {"xy": 1, "code": 0}}, 0, DONE),
        ({"message": {"xy": 1, "complete": True, "description": "Fine."}}, 0, "Fine."),
        ({"message": {"xy": 1, "description": "Fine."}}, 0, "Fine."),
        ({"message": {"xy": 1, "code": 0}, "ended": 5}, 0, DONE),
        ({"message": {"xy": 1, "code": "Too Late"}}, "too_late", plugin_actions.NO_DESCRIPTION),
        ({"message": {"xy": 1, "code": [1], "description": {"a": 1}}}, "unknown", '{"a":1}'),
        ({"message": {"xy": 1, "description": "Bad."}, "ended": 5}, "plugin", "Bad."),
        ({"ended": 5}, "plugin", "Action Plugin exited with code: 5"),
        ({"ended": "SIGKILL", "errors": "a\nb"}, "plugin", f"{plugin_actions._EXITED}SIGKILL: a"),
        ({"ended": 5, "errors": "x" * 300}, "plugin", "Action Plugin exited with code: 5"),
        ({"failure": "Too slow", "message": {"code": 0}}, "plugin", "Too slow"),
    ],
)
def test_what_an_action_says_of_how_its_plugin_ended(ran, code, description):
    result = plugin_actions.result_of(Ran(**ran))
    assert result == {"code": code, "description": description}


def test_details_are_the_plugins_own_or_what_it_printed():
    own = Ran(message={"details": "**Mine**"}, output="printed")
    assert plugin_actions.result_of(own)["details"] == "**Mine**"
    printed = plugin_actions.result_of(Ran(output="one\n```two\n"))["details"]
    assert printed == "### Plugin Output:\n\n```\none\n'''two\n```\n"
    assert len(plugin_actions.result_of(Ran(message={"details": "x" * 10**6}))["details"]) < 10**5
