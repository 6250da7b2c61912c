"""Taking secrets out of what is logged."""

import logging
import re

_MAGIC = re.compile(r"(/api/app/magic/(?:v\d+/)?)[\w-]+", re.ASCII)
_QUERY = re.compile(r"([?&](?:api_key|session_id|csrf_token|idempotency_key|token|t)=)[^&\s\"']+")


def without_secrets(text: str) -> str:
    """`text` with `***` for the tokens of magic links and the credentials in queries."""
    return _QUERY.sub(r"\1***", _MAGIC.sub(r"\1***", text))


class Redaction(logging.Filter):
    """Takes secrets out of the messages of a logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every message pass, without its secrets."""
        record.msg, record.args = without_secrets(record.getMessage()), ()
        return True
