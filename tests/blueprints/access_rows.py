"""A call of every endpoint, and who is let in: the rows that the access matrix is tested by."""

from dataclasses import dataclass, field
from typing import Any

from services.access import Privilege
from tests.blueprints.api import EVENT

PASSWORD = "correct horse"
#: A job that runs, and one that has ended, in the place of ids.
LIVE, ENDED = "<live>", "<ended>"


@dataclass(frozen=True)
class Row:
    """A call that gets past the checks of its parameters, and what limited callers are answered.

    These have every privilege but `admin`; what they ask for is in category `general` and targets
    the group `main`.
    """

    #: The statuses for a key that is limited to another category, and to another group.
    category: int
    group: int
    body: dict[str, Any] = field(default_factory=dict)
    #: The status for an administrator.
    admin: int = 200
    is_upload: bool = False


def for_all(body: dict[str, Any] | None = None, admin: int = 200) -> Row:
    """What is the same for all callers, or shows the limited ones a part."""
    return Row(admin, admin, body or {}, admin)


def within_limits(body: dict[str, Any], admin: int = 200) -> Row:
    """What is refused to who has no access to the category or the targets."""
    return Row(403, 403, body, admin)


def within_categories(body: dict[str, Any]) -> Row:
    """What is refused to who has no access to the category."""
    return Row(403, 200, body)


def within_groups(body: dict[str, Any]) -> Row:
    """What is refused to who has no access to the group."""
    return Row(200, 403, body)


_EVENT = {"id": "etest"}
_FILE = {"id": ENDED, "path": "files/nosuch/x.txt"}
_PLUGIN = {"title": "x", "type": "event", "command": "/bin/true"}

#: A new endpoint is thought about here: what are those answered who are limited?
ROWS = {
    "get_event": within_limits(_EVENT),
    "get_event_history": within_limits(_EVENT),
    "create_event": within_limits({**EVENT, "id": "enew"}),
    "update_event": within_limits({**_EVENT, "notes": "x"}),
    "delete_event": within_limits(_EVENT, admin=409),
    "import_crontab": within_limits({"crontab": "* * * * * true"}),
    "run_event": within_limits(_EVENT),
    "flush_event_queue": within_limits(_EVENT),
    "search_jobs": for_all(),
    "get_job": within_limits({"id": LIVE}),
    "get_job_log": within_limits({"id": ENDED}),
    "tail_live_job_log": within_limits({"id": LIVE}),
    "abort_job": within_limits({"id": LIVE}),
    "resume_job": within_limits({"id": LIVE}, admin=409),
    "job_skip_delay": within_limits({"id": LIVE}, admin=409),
    # Keys have no address: that is said before the job is looked at.
    "job_toggle_notify_me": for_all({"id": LIVE}, admin=400),
    "delete_job": within_limits({"id": ENDED}),
    "delete_job_file": within_limits(_FILE, admin=404),
    "manage_job_tags": within_limits({"id": ENDED, "tags": []}),
    "manage_job_tickets": within_limits({"id": ENDED, "tickets": []}),
    # Lists leave out what is out of reach.
    "get_jobs": for_all({"ids": [LIVE]}),
    "get_events": for_all(),
    "get_upcoming_jobs": for_all(),
    "get_active_jobs": for_all(),
    "get_active_job_summary": for_all(),
    "get_workflow_job_summary": for_all(),
    "get_categories": for_all(),
    # Categories and groups are what callers are limited to.
    "get_category": within_categories({"id": "general"}),
    "create_category": within_categories({"id": "canew", "title": "x"}),
    "update_category": within_categories({"id": "general", "notes": "x"}),
    "multi_update_category": within_categories({"items": [{"id": "general"}]}),
    "delete_category": within_categories({"id": "empty"}),
    "get_group": within_groups({"id": "main"}),
    "create_group": within_groups({"title": "x"}),
    "update_group": within_groups({"id": "main", "notes": "x"}),
    "multi_update_groups": within_groups({"items": [{"id": "main"}]}),
    "delete_group": within_groups({"id": "gempty"}),
    # Tags, plugins and roles are the same for everybody.
    **{f"get_{kind}s": for_all() for kind in ("tag", "plugin", "group", "role")},
    "get_tag": for_all({"id": "flag"}),
    "create_tag": for_all({"title": "x"}),
    "update_tag": for_all({"id": "flag", "notes": "x"}),
    "delete_tag": for_all({"id": "flag"}),
    "get_plugin": for_all({"id": "testplug"}),
    "create_plugin": for_all(_PLUGIN),
    "update_plugin": for_all({"id": "testplug", "notes": "x"}),
    "delete_plugin": for_all({"id": "testplug"}),
    # Who is limited must not widen a role of their own.
    "get_role": for_all({"id": "rtest"}),
    "create_role": within_limits({"title": "x"}),
    "update_role": within_limits({"id": "rtest", "notes": "x"}),
    "delete_role": for_all({"id": "rtest"}),
    # What clients load as they start is for callers without limits.
    "get_multiple": within_limits({"lists": "tags"}),
    **dict.fromkeys(("dash_stats", "config"), within_limits({})),
    **{f"get_{kind}": within_limits({}) for kind in ("active_servers", "server_summaries")},
    "get_server": within_limits({"id": "snosuch"}, admin=404),
    "get_active_server": within_limits({"id": "snosuch"}, admin=404),
    **{
        f"get_{kind}": within_limits({})
        for kind in ("alerts", "buckets", "channels", "monitors", "secrets", "tickets", "web_hooks")
    },
    **{
        f"search_{kind}": within_limits({})
        for kind in ("alerts", "servers", "snapshots", "tickets")
    },
    "get_bucket": within_limits({"id": "btest"}),
    "create_bucket": within_limits({"title": "x"}),
    "update_bucket": within_limits({"id": "btest"}),
    "write_bucket_data": within_limits({"id": "btest", "data": {}}),
    "upload_bucket_files": Row(403, 403, {"id": "btest"}, is_upload=True),
    "delete_bucket_file": within_limits({"id": "btest", "filename": "x"}, admin=404),
    "delete_bucket": within_limits({"id": "btest"}),
    "get_secret": within_limits({"id": "ztest"}),
    "get_channel": within_limits({"id": "nnosuch"}, admin=404),
    "create_channel": within_limits({"title": "x"}),
    "update_channel": within_limits({"id": "nnosuch"}, admin=404),
    "delete_channel": within_limits({"id": "nnosuch"}, admin=404),
    "get_web_hook": within_limits({"id": "wnosuch"}, admin=404),
    "create_web_hook": within_limits({"title": "x", "url": "http://127.0.0.1:9/"}),
    "update_web_hook": within_limits({"id": "wnosuch"}, admin=404),
    "delete_web_hook": within_limits({"id": "wnosuch"}, admin=404),
    "test_web_hook": within_limits({"url": "http://127.0.0.1:9/"}),
    # Files belong to who uploads them.
    "upload_files": Row(200, 200, is_upload=True),
    "upload_job_input_files": Row(200, 200, is_upload=True),
}
#: Endpoints for administrators, who have no limits: their calls.
FOR_ADMINS: dict[str, dict[str, Any]] = {
    "update_job": {"id": ENDED, "label": "x"},
    "search_activity": {},
    "get_api_keys": {},
    "get_api_key": {"id": "kadmin"},
    "create_api_key": {"title": "x"},
    "update_api_key": {"id": "kadmin", "description": "x"},
    "delete_api_key": {"id": "kadmin"},
    "update_global_state": {"scheduler.enabled": False},
    "create_secret": {"title": "x"},
    "update_secret": {"id": "ztest"},
    "delete_secret": {"id": "ztest"},
    "decrypt_secret": {"id": "ztest"},
    "user/admin_create": {"username": "bob", "password": PASSWORD},
    "user/admin_update": {"username": "ann"},
    "user/admin_delete": {"username": "ann"},
    "user/admin_get_user": {"username": "ann"},
    "user/admin_get_users": {},
}
#: Endpoints that take no keys, or other credentials as well: those have tests of their own.
OPEN = {
    *("ping", "echo", "file", "magic", "stream_job", "view_job_log", "download_job_log"),
    *(
        "upload_job_file",
        "finish_job",
        "fire_job_web_hook",
        "user/login",
        "user/logout",
        "user/resume_session",
    ),
}
#: Routes that are no endpoints of the API, for everybody.
FOR_EVERYBODY = {
    *("/files/", "/files/<path:key>", "/health", "/ready", "/api/openapi.json", "/api/docs"),
}

ALL_ROWS = {**ROWS, **{name: Row(403, 403, body) for name, body in FOR_ADMINS.items()}}

#: The privilege that each endpoint asks for; those that are not here are for all who are known.
NEEDS = {
    **dict.fromkeys(FOR_ADMINS, Privilege.ADMIN),
    "create_category": Privilege.CREATE_CATEGORIES,
    "update_category": Privilege.EDIT_CATEGORIES,
    "multi_update_category": Privilege.EDIT_CATEGORIES,
    "delete_category": Privilege.DELETE_CATEGORIES,
    "create_tag": Privilege.CREATE_TAGS,
    "update_tag": Privilege.EDIT_TAGS,
    "delete_tag": Privilege.DELETE_TAGS,
    "create_plugin": Privilege.CREATE_PLUGINS,
    "update_plugin": Privilege.EDIT_PLUGINS,
    "delete_plugin": Privilege.DELETE_PLUGINS,
    "create_group": Privilege.CREATE_GROUPS,
    "update_group": Privilege.EDIT_GROUPS,
    "multi_update_groups": Privilege.EDIT_GROUPS,
    "delete_group": Privilege.DELETE_GROUPS,
    "abort_job": Privilege.ABORT_JOBS,
    "resume_job": Privilege.RUN_JOBS,
    "delete_job": Privilege.DELETE_JOBS,
    "delete_job_file": Privilege.DELETE_JOBS,
    "manage_job_tags": Privilege.TAG_JOBS,
    "manage_job_tickets": Privilege.EDIT_TICKETS,
    "job_skip_delay": Privilege.RUN_JOBS,
    "flush_event_queue": Privilege.ABORT_JOBS,
    **dict.fromkeys(("create_event", "import_crontab"), Privilege.CREATE_EVENTS),
    "update_event": Privilege.EDIT_EVENTS,
    "delete_event": Privilege.DELETE_EVENTS,
    "run_event": Privilege.RUN_JOBS,
    "upload_files": Privilege.RUN_JOBS,
    "upload_job_input_files": Privilege.RUN_JOBS,
    "create_bucket": Privilege.CREATE_BUCKETS,
    **dict.fromkeys(("update_bucket", "write_bucket_data"), Privilege.EDIT_BUCKETS),
    **dict.fromkeys(("upload_bucket_files", "delete_bucket_file"), Privilege.EDIT_BUCKETS),
    "delete_bucket": Privilege.DELETE_BUCKETS,
    "create_channel": Privilege.CREATE_CHANNELS,
    "update_channel": Privilege.EDIT_CHANNELS,
    "delete_channel": Privilege.DELETE_CHANNELS,
    "create_web_hook": Privilege.CREATE_WEB_HOOKS,
    **dict.fromkeys(("update_web_hook", "test_web_hook"), Privilege.EDIT_WEB_HOOKS),
    "delete_web_hook": Privilege.DELETE_WEB_HOOKS,
    "create_role": Privilege.CREATE_ROLES,
    "update_role": Privilege.EDIT_ROLES,
    "delete_role": Privilege.DELETE_ROLES,
}


def valid_body(name: str) -> dict[str, Any]:
    """A body with which an endpoint gets past its own checks, about jobs that are not there."""
    if name not in ALL_ROWS:
        return {"id": "jx"}
    body = ALL_ROWS[name].body
    return {key: "jx" if value in (LIVE, ENDED) else value for key, value in body.items()}
