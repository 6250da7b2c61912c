"""Mail: messages made of texts from anywhere, and sent to addresses from anywhere."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formataddr, formatdate, parseaddr

from core import clock
from core.config import Settings
from services.smtp import Server, connections_to
from services.smtp_errors import MailError

__all__ = ["Mail", "MailError", "addresses_in", "send"]

_MAX_RECIPIENTS = 100
_MAX_SUBJECT_CHARS = 200
#: An address as servers take it: nothing in it could end a header or a command.
_ADDRESS = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?",
    re.IGNORECASE | re.ASCII,
)
#: The longest address, and the longest part before its `@`.
_MAX_ADDRESS_CHARS, _MAX_LOCAL_CHARS = 254, 64
#: What makes another line of a subject, or has it read in another order than it is written.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
_POLICY = compat32.clone(linesep="\r\n")
#: Lines that are longer are broken on the way by some servers.
_LONG_LINE_CHARS = 900
#: What is not plain is sent in short lines of ASCII.
_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP


@dataclass(frozen=True)
class Mail:
    """What is to be sent, and to whom."""

    #: The same for the same mail, however often it is sent: letters and digits.
    id: str
    recipients: Sequence[str]
    subject: str
    text: str
    html: str


def addresses_in(text: str) -> list[str]:
    """The addresses of a text with commas between them, as they are."""
    return [part for part in map(str.strip, text.split(",")) if part]


def send(mail: Mail, settings: Settings) -> dict[str, str]:
    """Send a mail; returns the recipients that don't get it, and why.

    Raises `MailError` where the mail could not be handed over at all.
    """
    connections = connections_to(Server.of(settings))
    if len(mail.recipients) > _MAX_RECIPIENTS:
        raise MailError(f"more than {_MAX_RECIPIENTS} recipients")
    addresses = {recipient: _sound(recipient) for recipient in mail.recipients}
    refused = {one: "not an e-mail address" for one, address in addresses.items() if not address}
    sound = {address: one for one, address in addresses.items() if address}
    if sound:
        sender = settings["MAIL_FROM"]
        message = _message(mail, sound, sender)
        answers = connections.send(parseaddr(sender)[1], list(sound), message)
        refused |= {sound[address]: why for address, why in answers.items()}
    return refused


def _sound(text: str) -> str | None:
    """An address as servers take it, with the domain in ASCII; nothing for what is none."""
    local, _, domain = text.rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return None
    is_short = len(address) <= _MAX_ADDRESS_CHARS and len(local) <= _MAX_LOCAL_CHARS
    return address if is_short and _ADDRESS.fullmatch(address) else None


def _message(mail: Mail, recipients: Iterable[str], sender: str) -> bytes:
    """The mail as it is sent, by the older half of the library: three times as fast."""
    name, address = parseaddr(sender)
    message = MIMEMultipart("alternative")
    message["From"] = formataddr((name, address))
    message["To"] = ", ".join(recipients)
    message["Subject"] = _subject(_one_line(mail.subject))  # type: ignore[assignment]  # is folded
    message["Date"] = formatdate(clock.now(), localtime=True)
    message["Message-ID"] = f"<{mail.id}@{address.rpartition('@')[2]}>"
    # Nobody's absence is to be told to a machine.
    message["Auto-Submitted"] = "auto-generated"
    for text, kind in ((mail.text, "plain"), (mail.html, "html")):
        message.attach(_part(text, kind))
    return message.as_bytes(policy=_POLICY)


def _part(text: str, kind: str) -> MIMEText:
    if text.isascii() and max(map(len, text.splitlines()), default=0) < _LONG_LINE_CHARS:
        return MIMEText(text, kind, "us-ascii")
    return MIMEText(text, kind, _UTF8)  # type: ignore[arg-type]  # takes both


def _subject(line: str) -> str | Header:
    """The header's value; what looks like an encoded word is not to be taken for one."""
    if line.isascii() and "=?" not in line:
        return line
    return Header(line, "utf-8", header_name="Subject")


def _one_line(text: str) -> str:
    line = " ".join(_UNSEEN.sub(" ", text).split())
    return line if len(line) <= _MAX_SUBJECT_CHARS else f"{line[: _MAX_SUBJECT_CHARS - 1]}…"
