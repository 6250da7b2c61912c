"""Action plugins: commands that are run for what happens to a job."""

from typing import Any

from core import json
from core.sealing import SealError
from services import hook_context, plugin_processes, secrets
from services.codes import NO_DESCRIPTION, normal_code
from services.errand import Errand, Outcome, Process, Ran
from services.plugin_processes import UnreadyError, params_of, ready, variables
from services.process_environment import text_of

Document = dict[str, Any]

_SUCCESS = "Successfully ran Action Plugin"
_EXITED = "Action Plugin exited with code: "
#: What of its error output goes into the description of a plugin that failed, characters.
_LONGEST_REASON = 256
_MOST_DETAILS_CHARS = 64 * 1024


def run(errand: Errand) -> Outcome:
    """Run the plugin that an action names."""
    plugin_id = str(errand.action.get("plugin_id"))
    texts = [f"Running custom action Plugin: #{plugin_id}"]
    try:
        plugin = ready(plugin_id, "action")
        given = secrets.assigned("plugins", plugin_id, errand.settings)
    except UnreadyError as error:
        return Outcome(_failure(f"{error}: {plugin_id}"), texts)
    except SealError as error:
        return Outcome(_failure(str(error)), texts)
    process, left_out = process_of(errand, plugin, hook_context.of(errand) | {"secrets": given})
    texts += [f"WARNING: Variable does not fit into the environment: {name}" for name in left_out]
    return Outcome(result_of(errand.run(errand, process)), texts)


def _failure(text: str) -> Document:
    return {"code": "plugin", "description": text}


def process_of(errand: Errand, plugin: Document, values: Document) -> tuple[Process, list[str]]:
    """The process for an action, and the variables that it can't have."""
    params = params_of(errand.action.get("params"), plugin)
    own = {"IDEMPOTENCY_KEY": errand.id, "JOB_ID": str(errand.job.get("id"))}
    given, settings = values["secrets"], errand.settings
    environment, left_out = variables(plugin, params, own, given, settings)
    stdin = _stdin(errand, values, params)
    seconds: float = settings["ACTION_TIMEOUT"]
    return plugin_processes.process_of(plugin, stdin, environment, seconds, given), left_out


def _stdin(errand: Errand, values: Document, params: Document) -> str:
    message = {
        **values,
        "xy": 1,
        "type": "action",
        "idempotency_key": errand.id,
        "params": params,
        "base_url": errand.settings["BASE_URL"],
    }
    return json.dumps(message) + "\n"


def result_of(ran: Ran) -> Document:
    """What an action says of its plugin: what that reported, else how it ended."""
    said = ran.message
    result = _reported(said) if ran.failure is None and _is_result(said) else _ended(ran)
    details = said.get("details")
    shown = text_of(details) if details else _output(ran.output)
    return result | ({"details": shown[:_MOST_DETAILS_CHARS]} if shown else {})


def _is_result(said: Document) -> bool:
    return "code" in said or bool(said.get("complete"))


def _reported(said: Document) -> Document:
    code = normal_code(said.get("code"))
    description = text_of(said.get("description") or "")
    return {"code": code, "description": description or (NO_DESCRIPTION if code else _SUCCESS)}


def _ended(ran: Ran) -> Document:
    """The result of a plugin that reported none."""
    said = text_of(ran.message.get("description") or "")
    if ran.failure is not None:
        return _failure(ran.failure)
    if not ran.ended:
        return {"code": 0, "description": said or _SUCCESS}
    reason = ran.errors.strip().partition("\n")[0]
    reason = f": {reason}" if reason and len(reason) < _LONGEST_REASON else ""
    return _failure(said or f"{_EXITED}{ran.ended}{reason}")


def _output(text: str) -> str:
    """What a plugin printed, as Markdown."""
    shown = text.strip("\n").replace("```", "'''")
    return f"### Plugin Output:\n\n```\n{shown}\n```\n" if shown.strip() else ""
