"""The action `email`: who gets mail about a job, and what came of it."""

from typing import Any

import sqlalchemy as sa

from core.javascript import is_truthy
from models.database import db
from models.user import User
from services import mail
from services.errand import Errand, Outcome
from services.job_mail import letter_of
from services.mail import Mail, MailError

Document = dict[str, Any]

#: More users than a mail may have recipients are not even looked up.
_MAX_USERS = 1000


def send(errand: Errand) -> Outcome:
    """Write to the users and addresses that an action, a limit or a suspension names."""
    recipients = db.read(lambda connection: _recipients(connection, errand.action))
    if not recipients:
        return Outcome({"code": 0, "description": "No recipients for email (skipping)"})
    texts = [f"Sending email notification to: {', '.join(recipients)}"]
    letter = letter_of(errand)
    message = Mail(errand.id, recipients, letter.subject, letter.text, letter.html)
    try:
        refused = mail.send(message, errand.settings)
    except MailError as error:
        return Outcome(_failure(dict.fromkeys(recipients, str(error))), texts)
    if refused:
        sent = [one for one in recipients if one not in refused]
        return Outcome(_failure(refused, sent), texts)
    description = f"Email sent successfully to: {', '.join(recipients)}"
    return Outcome({"code": 0, "description": description}, texts)


def _recipients(connection: sa.Connection, action: Document) -> list[str]:
    """All addresses, each once; users who are not known, not active or without one are left out."""
    users, text = action.get("users"), action.get("email")
    names = users[:_MAX_USERS] if isinstance(users, list) else []
    found = [_address_of(connection, name) for name in names if isinstance(name, str)]
    found += mail.addresses_in(text) if isinstance(text, str) else []
    unique: dict[str, str] = {}
    for address in filter(None, found):
        unique.setdefault(address.lower(), address)
    return list(unique.values())


def _address_of(connection: sa.Connection, username: str) -> str:
    user = User.get(connection, username.lower())
    return str(user.get("email") or "").strip() if user and is_truthy(user.get("active")) else ""


def _failure(refused: dict[str, str], sent: list[str] | None = None) -> Document:
    """What an action says of recipients that got nothing; the reasons of all of them, if many."""
    everybody = ", ".join(refused)
    reasons = list(dict.fromkeys(refused.values()))
    result: Document = {
        "code": "email",
        "description": f"Failed to send e-mail: {everybody}: {'; '.join(reasons)}",
    }
    if sent:
        lines = [f"- **Sent to:** {one}\n" for one in sent]
        lines += [f"- **Not sent to:** {one}: {why}\n" for one, why in refused.items()]
        result["details"] = "".join(lines)
    return result
