"""What goes wrong with mail servers: what can be tried again, and how it is told to people."""

import smtplib
import ssl

#: What is shown of a server's answer, characters.
_MAX_REASON_CHARS = 200
#: The server ends the connection; another one may do.
_CLOSING = 421


class MailError(Exception):
    """Nothing was sent; the message says why, without credentials."""


def is_broken(error: Exception) -> bool:
    """Whether the connection failed that was open already, and not the mail."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return any(code == _CLOSING for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPConnectError):
        return False
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code == _CLOSING
    return isinstance(error, smtplib.SMTPServerDisconnected) and not _is_late(error)


def _is_late(error: Exception) -> bool:
    """Whether a server took too long: smtplib makes a lost connection of that."""
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def reasons(refused: dict[str, tuple[int, bytes]]) -> dict[str, str]:
    """Why a server refused these recipients."""
    return {address: _answer(code, text) for address, (code, text) in refused.items()}


def reason(error: Exception, timeout_seconds: float) -> str:
    """What went wrong, in words that may be shown to everybody."""
    if _is_late(error):
        return f"the mail server did not answer within {timeout_seconds:g} seconds"
    if isinstance(error, smtplib.SMTPResponseException):
        return _refusal(error)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        what = "STARTTLS" if "STARTTLS" in str(error) else "a login"
        return f"the mail server does not offer {what}"
    if type(error) is smtplib.SMTPException:
        return "the mail server offers no known way to log in"
    if isinstance(error, ssl.SSLError):
        return f"TLS with the mail server failed: {_tls_reason(error)}"
    if isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException):
        return f"the mail server can't be reached: {error.strerror or type(error).__name__}"
    return "the mail server closed the connection"


def _refusal(error: smtplib.SMTPResponseException) -> str:
    # A server may answer a login with whatever it was sent, and greet with what nobody should know.
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"the mail server refused the login ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPConnectError | smtplib.SMTPHeloError):
        return f"the mail server refused the connection ({error.smtp_code})"
    return _answer(error.smtp_code, error.smtp_error)


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or "broken off").replace("_", " ").lower()


def _answer(code: int, text: bytes | str) -> str:
    """A server's answer on one line."""
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    printable = "".join(char if char.isprintable() else " " for char in shown)
    return f"{code} {' '.join(printable.split())}"[:_MAX_REASON_CHARS].strip()
