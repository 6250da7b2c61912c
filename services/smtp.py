"""Connections to the mail server: opened when mail is to go out, and kept for a while."""

import smtplib
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Self

from core.config import Settings
from services.smtp_errors import MailError, is_broken, reason, reasons

#: How long a connection is kept that nobody sends by; less than servers wait themselves.
_KEPT_SECONDS = 10.0


@dataclass(frozen=True)
class Server:
    """A mail server, and how it is spoken to."""

    host: str
    port: int
    tls: str
    user: str
    password: str = field(repr=False)
    is_verified: bool
    #: A PEM file with the authorities to trust; empty: the system's.
    ca_file: str
    timeout_seconds: float

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The one that the settings name; raises `MailError` when they name none."""
        if not settings["SMTP_HOST"]:
            raise MailError("no mail server is configured (SWITCHYARD_SMTP_HOST)")
        return cls(
            host=settings["SMTP_HOST"],
            port=settings["SMTP_PORT"],
            tls=settings["SMTP_TLS"],
            user=settings["SMTP_USER"],
            password=settings["SMTP_PASSWORD"],
            is_verified=settings["SMTP_VERIFY"],
            ca_file=settings["SMTP_CA_FILE"],
            timeout_seconds=settings["SMTP_TIMEOUT"],
        )


class Connections:
    """Sends mail to one server; each connection serves one sender at a time, and many in turn."""

    def __init__(self, server: Server) -> None:
        self._server = server
        #: Connections that nobody sends by, with the moment from which on that is so.
        self._idle: list[tuple[float, smtplib.SMTP]] = []
        #: Whether somebody looks after those that have been idle for too long.
        self._is_watched = False
        self._lock = threading.Lock()

    def send(self, sender: str, recipients: list[str], message: bytes) -> dict[str, str]:
        """Send a message; returns the recipients that were refused, and why.

        A connection that breaks on the way is replaced once. Raises `MailError`.
        """
        try:
            try:
                return self._send(sender, recipients, message)
            except smtplib.SMTPException as error:
                if not is_broken(error):
                    raise
            # What else is kept is most likely no better.
            self.close()
            return self._send(sender, recipients, message)
        except (smtplib.SMTPException, OSError) as error:
            if isinstance(error, smtplib.SMTPRecipientsRefused) and not is_broken(error):
                return reasons(error.recipients)
            raise MailError(reason(error, self._server.timeout_seconds)) from None

    def close(self) -> None:
        """Drop the connections that nobody sends by."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, smtp in idle:
            smtp.close()

    def _send(self, sender: str, recipients: list[str], message: bytes) -> dict[str, str]:
        smtp = self._take() or self._open()
        try:
            refused = smtp.sendmail(sender, recipients, message)
        except BaseException:
            # Who knows which answer would come next.
            smtp.close()
            raise
        self._keep(smtp)
        return reasons(refused)

    def _take(self) -> smtplib.SMTP | None:
        """The connection that was used last, if one is left."""
        with self._lock:
            return self._idle.pop()[1] if self._idle else None

    def _keep(self, smtp: smtplib.SMTP) -> None:
        """Keep a connection for the next mail."""
        with self._lock:
            self._idle.append((time.monotonic(), smtp))
            if not self._is_watched:
                self._watch(_KEPT_SECONDS)

    def _watch(self, seconds: float) -> None:
        self._is_watched = True
        timer = threading.Timer(seconds, self._end_old)
        timer.daemon = True
        timer.start()

    def _end_old(self) -> None:
        """End what has been idle for too long, and look again when the next one will have been."""
        since = time.monotonic() - _KEPT_SECONDS
        with self._lock:
            # They stand in the order in which they were given back.
            old = [smtp for moment, smtp in self._idle if moment <= since]
            del self._idle[: len(old)]
            self._is_watched = False
            if self._idle:
                self._watch(max(0.1, self._idle[0][0] - since))
        for smtp in old:
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()

    def _open(self) -> smtplib.SMTP:
        server = self._server
        if server.tls == "tls":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host,
                server.port,
                local_hostname=_our_name(),
                timeout=server.timeout_seconds,
                context=_tls_context(server.is_verified, server.ca_file),
            )
        else:
            smtp = smtplib.SMTP(
                server.host,
                server.port,
                local_hostname=_our_name(),
                timeout=server.timeout_seconds,
            )
        try:
            self._greet(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _greet(self, smtp: smtplib.SMTP) -> None:
        server = self._server
        if server.tls == "starttls":
            smtp.starttls(context=_tls_context(server.is_verified, server.ca_file))
        smtp.ehlo_or_helo_if_needed()
        if server.user:
            smtp.login(server.user, server.password)


@lru_cache(8)
def connections_to(server: Server) -> Connections:
    """The connections that this process has to a server."""
    return Connections(server)


@cache
def _our_name() -> str:
    """How we greet servers; smtplib would ask the resolver each time."""
    return smtplib.SMTP().local_hostname


@cache
def _tls_context(is_verified: bool, ca_file: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError:
        raise MailError("the file of SWITCHYARD_SMTP_CA_FILE can't be used") from None
    if not is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
