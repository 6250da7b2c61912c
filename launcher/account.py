"""User and group names of a job, resolved to numbers."""

from __future__ import annotations

import grp
import os
import pwd


class AccountError(Exception):
    """A user or group that this host does not know."""


class Account:
    """Whom a job runs as; `None` means as the launcher itself."""

    def __init__(self, user: str, group: str) -> None:
        self.uid: int | None = None
        self.gid: int | None = None
        self.groups: list[int] | None = None
        if user:
            self._set_user(user)
        if group:
            self.gid = _gid(group)

    def _set_user(self, user: str) -> None:
        entry = _passwd(user)
        if entry is not None:
            self.uid, self.gid = entry.pw_uid, entry.pw_gid
            self.groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
        else:
            # A number without an account must not keep the launcher's groups.
            self.uid = self.gid = _number(user)
            self.groups = []
        if self.uid == os.geteuid() and os.geteuid() != 0:
            # Asking for oneself is no change; only root may set groups.
            self.uid = self.gid = self.groups = None


def _number(text: str) -> int | None:
    """The account number that a text of digits stands for."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    number = int(text)
    # The highest number means "no change" to the kernel, which would keep root.
    return number if number < 2**32 - 1 else None


def _passwd(user: str) -> pwd.struct_passwd | None:
    number = _number(user)
    try:
        return pwd.getpwnam(user) if number is None else pwd.getpwuid(number)
    except (KeyError, ValueError):
        if number is None:
            raise AccountError(f"User does not exist: {user}") from None
        return None


def _gid(group: str) -> int:
    number = _number(group)
    if number is not None:
        return number
    try:
        return grp.getgrnam(group).gr_gid
    except (KeyError, ValueError):
        raise AccountError(f"Group does not exist: {group}") from None
