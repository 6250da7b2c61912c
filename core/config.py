"""Settings: what they are called, what they mean, and where their values come from.

Order, later wins: the defaults here, `instance/config.py`, `SWITCHYARD_*` in the environment,
the overrides given to `create_app()`. Values are read once, at the start; a bad one stops it.
"""

import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from core import json

#: The folder that holds app.py.
ROOT = Path(__file__).resolve().parent.parent
PREFIX = "SWITCHYARD_"
KIB = 1024
MIB = 1024 * KIB
#: Settings by their names without prefix.
Settings = dict[str, Any]
#: How a mail server is spoken to, with the port that is usual for it.
SMTP_PORTS = {"none": 25, "starttls": 587, "tls": 465}

_SWITCHES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_ADDRESS = re.compile(r"[!-~]+@[\w.-]+", re.ASCII)


class ConfigError(Exception):
    """A setting's value can't be used; the message is one clear line."""


@dataclass(frozen=True)
class Setting:
    """One setting: its name without prefix, its default as text, its parser and its meaning."""

    name: str
    default: str
    parse: Callable[[str], Any]
    help: str
    secret: bool = False


def _text(value: str) -> str:
    return value


def _long_text(value: str) -> str:
    if value and len(value) < 32:
        raise ValueError("must have 32 characters at least")
    return value


def _path(value: str) -> Path:
    return Path(value).expanduser().absolute()


def _count(value: str) -> int:
    number = int(value)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise ValueError("must be at least 1")
    return number


def _seconds(value: str) -> float:
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError("must not be negative")
    return number


def _wait(value: str) -> float:
    number = _seconds(value)
    if not number:
        raise ValueError("must be more than 0")
    return number


def _bind(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not 0 < int(port) < 65536:
        raise ValueError("must be HOST:PORT")
    return value


def _environment(value: str) -> dict[str, str]:
    pairs = json.loads(value)
    if not isinstance(pairs, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004 - one error type for bad values
    return {str(key): str(item) for key, item in pairs.items()}


def _switch(value: str) -> bool:
    if value.lower() not in _SWITCHES:
        raise ValueError("must be yes or no")
    return _SWITCHES[value.lower()]


def _port(value: str) -> int:
    number = int(value)
    if not 0 <= number < 65536:
        raise ValueError("must be a port")
    return number


def _ascii(value: str) -> str:
    if not value.isascii():
        raise ValueError("must be ASCII")
    return value


def _sender(value: str) -> str:
    if value and not (value.isprintable() and _ADDRESS.fullmatch(parseaddr(value)[1])):
        raise ValueError("must be an e-mail address, or NAME <ADDRESS>")
    return value


def _tls_mode(value: str) -> str:
    if value not in SMTP_PORTS:
        raise ValueError(f"must be one of {', '.join(SMTP_PORTS)}")
    return value


def _entries(value: str) -> list[dict[str, Any]]:
    entries = json.loads(value)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("must be a JSON array of objects")
    return entries


#: What every job gets when it fails, unless a setting says otherwise.
_SNAPSHOT = {"enabled": True, "hidden": False, "condition": "error", "type": "snapshot"}

SETTINGS = (
    Setting("INSTANCE_PATH", str(ROOT / "instance"), _path, "Folder of all runtime data."),
    Setting("BIND", "127.0.0.1:5522", _bind, "Address that the web server listens on."),
    Setting("WORKERS", "2", _positive, "Number of web worker processes."),
    Setting(
        "DATABASE_URL",
        "",
        _text,
        "SQLAlchemy URL of the database; empty: SQLite in the instance folder.",
        secret=True,
    ),
    Setting(
        "SECRET_KEY",
        "",
        _text,
        "Key that signs tokens; empty: generated once into the instance folder.",
        secret=True,
    ),
    Setting(
        "VAULT_KEY",
        "",
        _long_text,
        "Key that seals secrets, 32 characters at least; empty: generated like the other.",
        secret=True,
    ),
    Setting(
        "ADMIN_KEY",
        "",
        _text,
        "If set, the administrator's API key from this start on; at least 8 characters.",
        secret=True,
    ),
    Setting("BASE_URL", "", _text, "URL that jobs and links use; empty: http:// and BIND."),
    Setting("SERVER_TITLE", "", _text, "Title of this host in lists; empty: its host name."),
    Setting("JOB_ENV", "{}", _environment, "JSON object of variables that every job gets."),
    Setting("UNIVERSAL_LIMITS", "[]", _entries, "JSON array of limits that every job gets."),
    Setting(
        "UNIVERSAL_ACTIONS",
        json.dumps([_SNAPSHOT]),
        _entries,
        "JSON array of actions that every job gets.",
    ),
    Setting(
        "RETENTION_JOBS",
        "100000",
        _count,
        "Finished jobs that are kept, the newest ones; 0: no limit.",
    ),
    Setting("RETENTION_SECONDS", "0", _seconds, "How long finished jobs are kept; 0: for ever."),
    Setting(
        "RETENTION_BYTES",
        "0",
        _count,
        "What the database and the jobs' logs and files may take; 0: no limit.",
    ),
    Setting("RETENTION_ACTIVITIES", "1000000", _count, "Changes by callers kept; 0: no limit."),
    Setting("MAX_JSON_BYTES", str(32 * MIB), _positive, "Largest JSON or form body, bytes."),
    Setting("MAX_UPLOAD_BYTES", str(1024 * MIB), _positive, "Largest multipart body, bytes."),
    Setting("MAX_MAGIC_BYTES", str(64 * MIB), _positive, "Largest body of a magic link, bytes."),
    Setting(
        "UPLOAD_LIFETIME",
        str(30 * 86400),
        _seconds,
        "Seconds that uploaded files are kept; 0: until their job is deleted.",
    ),
    Setting("UPLOAD_QUOTA_BYTES", "0", _count, "Uploads that a caller may keep; 0: no limit."),
    Setting("UPLOAD_TOTAL_BYTES", "0", _count, "Uploads of all callers together; 0: no limit."),
    Setting("INLINE_LOG_BYTES", str(MIB), _count, "Largest log inside get_job, bytes."),
    Setting("LIST_LOG_BYTES", str(64 * KIB), _count, "Largest log inside rows of lists, bytes."),
    Setting("ABORT_GRACE", "5", _seconds, "Seconds between SIGTERM and SIGKILL of an abort."),
    Setting("ACTION_TIMEOUT", "60", _wait, "Seconds that the plugin of an action may take."),
    Setting(
        "SESSION_LIFETIME",
        str(30 * 86400),
        _seconds,
        "Seconds that a user's session lasts after its login, or after it was resumed.",
    ),
    Setting(
        "ALLOW_LINK_LOCAL",
        "no",
        _switch,
        "Whether web hooks may ask addresses where clouds keep machines' credentials.",
    ),
    Setting("TOKEN_LIFETIME", "0", _seconds, "Seconds that log links live; 0: for ever."),
    Setting("MAX_JOBS_PER_MINUTE", "0", _count, "Runs accepted a minute by all; 0: no limit."),
    Setting(
        "MAX_CATCH_UP",
        "1000",
        _count,
        "Missed runs of an event that its catch-up trigger makes up for.",
    ),
    Setting(
        "IDEMPOTENCY_LIFETIME",
        "86400",
        _seconds,
        "Seconds in which a run with the same idempotency key is the same run.",
    ),
    Setting(
        "MIN_FREE_BYTES",
        str(64 * MIB),
        _count,
        "With less free disk, bytes, nothing starts and run_event answers 503.",
    ),
    Setting("SMTP_HOST", "", _text, "Mail server; empty: no mail is sent."),
    Setting("SMTP_PORT", "0", _port, "Its port; 0: 25, 587 or 465, as the next setting says."),
    Setting("SMTP_TLS", "starttls", _tls_mode, "How it is spoken to: none, starttls or tls."),
    Setting("SMTP_USER", "", _ascii, "User to log in as; empty: no login."),
    Setting("SMTP_PASSWORD", "", _ascii, "That user's password.", secret=True),
    Setting("SMTP_VERIFY", "yes", _switch, "Whether the mail server's certificate is checked."),
    Setting("SMTP_CA_FILE", "", _text, "Authorities to trust instead of the system's: PEM."),
    Setting("SMTP_TIMEOUT", "30", _wait, "Seconds to wait for each answer of the mail server."),
    Setting("MAIL_FROM", "", _sender, "Sender of mail; empty: switchyard@ and the host's name."),
)


def load(
    overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """All settings, parsed. Raises `ConfigError` with one line that names the bad one."""
    environ = os.environ if environ is None else environ
    settings: Settings = {
        setting.name: _value(setting, environ.get(PREFIX + setting.name, setting.default))
        for setting in SETTINGS
    }
    _apply_file(settings, environ)
    settings.update(overrides or {})
    _derive(settings)
    return settings


def _value(setting: Setting, text: str) -> Any:
    try:
        return setting.parse(text)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{PREFIX}{setting.name}: {error}") from None


def _apply_file(settings: Settings, environ: Mapping[str, str]) -> None:
    """Apply `config.py` of the instance folder to all settings that the environment leaves."""
    path: Path = settings["INSTANCE_PATH"] / "config.py"
    if not path.exists():
        return
    values: dict[str, Any] = {}
    try:
        exec(compile(path.read_text(), str(path), "exec"), values)  # noqa: S102 - the operator's
    except Exception as error:  # noqa: BLE001 - whatever the operator's file raises
        raise ConfigError(f"{path}: {type(error).__name__}: {error}") from None
    for setting in SETTINGS:
        if setting.name in values and PREFIX + setting.name not in environ:
            value = values[setting.name]
            text = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
            settings[setting.name] = _value(setting, text)


def _derive(settings: Settings) -> None:
    """Fill what depends on other settings."""
    if not settings["DATABASE_URL"]:
        settings["DATABASE_URL"] = f"sqlite:///{settings['INSTANCE_PATH']}/switchyard.db"
    if not settings["BASE_URL"]:
        host, _, port = settings["BIND"].rpartition(":")
        host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104
        settings["BASE_URL"] = f"http://{host}:{port}"
    settings["SMTP_PORT"] = settings["SMTP_PORT"] or SMTP_PORTS[settings["SMTP_TLS"]]
    settings["MAIL_FROM"] = settings["MAIL_FROM"] or f"switchyard@{socket.gethostname().lower()}"
    if settings["ADMIN_KEY"] and len(settings["ADMIN_KEY"]) < 8:
        raise ConfigError(f"{PREFIX}ADMIN_KEY: must have at least 8 characters")
