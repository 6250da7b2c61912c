"""The instance folder: its folders, and files in it that nobody else may read."""

import os
import secrets
from pathlib import Path

from core.config import Settings


def make_folders(settings: Settings) -> None:
    """Create the instance folders, private to the server's user."""
    instance: Path = settings["INSTANCE_PATH"]
    instance.mkdir(parents=True, exist_ok=True)
    for name in ("bells", "runs", "logs", "files", "launchers"):
        (instance / name).mkdir(mode=0o711, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write `text` to a file that only its owner may read; never half of it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)


def secret_key(settings: Settings) -> bytes:
    """The signing key: the setting, or the one in the instance folder, made when missing."""
    return _key(settings, "SECRET_KEY", "secret-key")


def vault_key(settings: Settings) -> bytes:
    """The key that seals secrets: the setting, or the one in the folder, made when missing."""
    return _key(settings, "VAULT_KEY", "vault-key")


def _key(settings: Settings, setting: str, name: str) -> bytes:
    if settings[setting]:
        return str(settings[setting]).encode()
    path: Path = settings["INSTANCE_PATH"] / name
    if not path.exists():
        fresh = path.with_name(f"{name}.{os.getpid()}.first")
        write_private(fresh, secrets.token_urlsafe(48))
        try:
            # Linking fails where another process was first: then its key counts.
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip().encode()
