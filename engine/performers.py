"""Which program does which errand: the action types that reach beyond the job itself."""

from collections.abc import Mapping

from services import channels, email_actions, event_actions, web_hook_calls
from services.errand import Performer

#: By action type. Types that are in neither this nor `engine.deeds.DEEDS` are not available.
PERFORMERS: Mapping[str, Performer] = {
    "channel": channels.notify,
    "delete": event_actions.delete,
    "disable": event_actions.disable,
    "email": email_actions.send,
    "run_event": event_actions.run_event,
    "web_hook": web_hook_calls.fire_for,
}
