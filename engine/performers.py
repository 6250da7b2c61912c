"""Which program does which errand: the action types that reach beyond the job itself."""

from collections.abc import Mapping

from services import email_actions, event_actions
from services.errand import Performer

#: By action type. Types that are in neither this nor `engine.deeds.DEEDS` are not available.
PERFORMERS: Mapping[str, Performer] = {
    "delete": event_actions.delete,
    "disable": event_actions.disable,
    "email": email_actions.send,
    "run_event": event_actions.run_event,
}
