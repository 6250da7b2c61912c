"""Which program does which errand: the action types that reach beyond the job itself."""

from collections.abc import Mapping

from services import (
    bucket_actions,
    channels,
    email_actions,
    event_actions,
    plugin_actions,
    trigger_plugins,
    web_hook_calls,
)
from services.errand import Performer

#: The type of errands that run an action's plugin, and of the scheduler's, which ask a trigger's.
ACTION_PLUGIN, TRIGGER_PLUGIN = "plugin", "trigger"
#: Those that are processes.
PROCESSES = frozenset({ACTION_PLUGIN, TRIGGER_PLUGIN})
#: By action type. Types that are in neither this nor `engine.deeds.DEEDS` are not available.
PERFORMERS: Mapping[str, Performer] = {
    "channel": channels.notify,
    "delete": event_actions.delete,
    "disable": event_actions.disable,
    "email": email_actions.send,
    "fetch": bucket_actions.fetch,
    ACTION_PLUGIN: plugin_actions.run,
    "run_event": event_actions.run_event,
    "store": bucket_actions.store,
    "web_hook": web_hook_calls.fire_for,
}
#: By type of errand: those of actions, and the scheduler's, which no action can have.
ERRANDS: Mapping[str, Performer] = {**PERFORMERS, TRIGGER_PLUGIN: trigger_plugins.ask}
