"""Who may do what: privileges, callers, and their limits to categories and groups."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any

from core import javascript
from core.errors import Forbidden

Document = Mapping[str, Any]

_NO_ACCESS = "You do not have the required account privileges to access"


class Privilege(StrEnum):
    """What a caller can be allowed to do; reading jobs, events and tags needs none of them."""

    ADMIN = auto()
    CREATE_ALERTS = auto()
    EDIT_ALERTS = auto()
    DELETE_ALERTS = auto()
    CREATE_BUCKETS = auto()
    EDIT_BUCKETS = auto()
    DELETE_BUCKETS = auto()
    CREATE_CATEGORIES = auto()
    EDIT_CATEGORIES = auto()
    DELETE_CATEGORIES = auto()
    CREATE_CHANNELS = auto()
    EDIT_CHANNELS = auto()
    DELETE_CHANNELS = auto()
    CREATE_EVENTS = auto()
    EDIT_EVENTS = auto()
    DELETE_EVENTS = auto()
    CREATE_GROUPS = auto()
    EDIT_GROUPS = auto()
    DELETE_GROUPS = auto()
    RUN_JOBS = auto()
    ABORT_JOBS = auto()
    DELETE_JOBS = auto()
    TAG_JOBS = auto()
    CREATE_MONITORS = auto()
    EDIT_MONITORS = auto()
    DELETE_MONITORS = auto()
    CREATE_PLUGINS = auto()
    EDIT_PLUGINS = auto()
    DELETE_PLUGINS = auto()
    CREATE_ROLES = auto()
    EDIT_ROLES = auto()
    DELETE_ROLES = auto()
    CREATE_TAGS = auto()
    EDIT_TAGS = auto()
    DELETE_TAGS = auto()
    CREATE_TICKETS = auto()
    EDIT_TICKETS = auto()
    DELETE_TICKETS = auto()
    CREATE_WEB_HOOKS = auto()
    EDIT_WEB_HOOKS = auto()
    DELETE_WEB_HOOKS = auto()
    CREATE_SNAPSHOTS = auto()
    DELETE_SNAPSHOTS = auto()
    ADD_SERVERS = auto()
    UPDATE_SERVERS = auto()
    SEND_EMAILS = auto()
    BULK_EXPORT = auto()

    @property
    def title(self) -> str:  # type: ignore[override]
        """The name that messages show."""
        return _IRREGULAR_TITLES.get(self.value, self.value.replace("_", " ").title())


_IRREGULAR_TITLES = {"admin": "Administrator", "tag_jobs": "Job Tags"}


def at_the_host() -> dict[str, Any]:
    """The origin of those who act at the command line, and of the server itself."""
    return {"ip": "", "ips": [], "headers": {}}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request: an API key, a user, or the operator at the command line."""

    id: str
    #: How activity logs name the caller: for a key, the user who created it.
    name: str
    title: str
    is_key: bool
    privileges: frozenset[str]
    #: Ids that the caller is limited to; empty is unlimited.
    categories: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    #: A user's address for mail; keys have none.
    email: str = ""
    #: The most requests in a second; 0 is unlimited.
    max_per_sec: float = 0
    #: Tells, when a change is recorded, where the request comes from: `ip`, `ips`, `headers`.
    origin: Callable[[], dict[str, Any]] = field(default=at_the_host, compare=False, repr=False)

    @property
    def is_admin(self) -> bool:
        """Whether every privilege check passes."""
        return Privilege.ADMIN in self.privileges

    @property
    def is_unlimited(self) -> bool:
        """Whether every category and target check passes."""
        return self.is_admin or not (self.categories or self.groups)

    @property
    def run_source(self) -> str:
        """The `source` of jobs that this caller runs."""
        return "key" if self.is_key else "user"

    @property
    def run_username(self) -> str:
        """The `username` of jobs that this caller runs: for a key, its id."""
        return self.id if self.is_key else self.name

    def abort_reason(self) -> str:
        """How a job that this caller aborts explains its end."""
        who = f"API Key: {self.title}" if self.is_key else f"user: {self.name}"
        return f"Manually aborted by {who}"

    def require(self, privilege: Privilege) -> None:
        """Raise `Forbidden` unless the caller has the privilege."""
        if privilege not in self.privileges and not self.is_admin:
            who = f'API Key "{self.title}" does' if self.is_key else "You do"
            what = f'"{privilege.title}" privilege required to perform this action.'
            raise Forbidden(f"{who} not have the {what}")

    def require_unlimited(self) -> None:
        """Raise `Forbidden` if the caller is limited to categories or groups."""
        if not self.is_unlimited:
            raise Forbidden("Category or group limited users may not use this API")

    def check(self, document: Document) -> None:
        """Raise `Forbidden` unless category and targets of a job or event are within reach."""
        if self.is_unlimited:
            return
        category = document.get("category")
        if self.categories and not self._knows(category):
            shown = "undefined" if category is None else javascript.to_string(category)
            raise Forbidden(f"{_NO_ACCESS} category ID {shown}.")
        targets = _targets_of(document)
        if targets and not self._reaches(targets):
            shown = ", ".join(javascript.to_string(target) for target in targets)
            raise Forbidden(f"{_NO_ACCESS} targets: {shown}.")

    def check_group(self, group: str) -> None:
        """Raise `Forbidden` unless this group is within reach."""
        if not self.is_unlimited and self.groups and group not in self.groups:
            raise Forbidden(f"{_NO_ACCESS} group ID {group}.")

    def may_see(self, document: Document) -> bool:
        """Whether lists show a job or event to the caller."""
        if self.is_unlimited:
            return True
        if self.categories and not self._knows(document.get("category")):
            return False
        return document.get("type") == "workflow" or self._reaches(_targets_of(document))

    def _knows(self, category: Any) -> bool:
        """Whether a category, whatever an update may have made of it, is one of the caller's."""
        return isinstance(category, str) and category in self.categories

    def _reaches(self, targets: list[Any]) -> bool:
        """Whether any target is one of the caller's groups; server ids never are."""
        return not self.groups or any(
            isinstance(target, str) and target in self.groups for target in targets
        )


def _targets_of(document: Document) -> list[Any]:
    """A document's targets; what is no list, as an update may have left it, matches nothing."""
    targets = document.get("targets")
    return targets if isinstance(targets, list) else [targets] if targets else []


#: Who acts at the command line of this host.
OPERATOR = Caller(
    id="admin",
    name="admin",
    title="admin",
    is_key=False,
    privileges=frozenset({Privilege.ADMIN}),
)
