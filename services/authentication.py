"""What credentials are worth: who an API key or a session stands for, and with what powers."""

import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from core import clock, javascript, json
from core.errors import NotAuthenticated
from core.tokens import key_digest, key_hash
from models.api_key import ApiKey
from models.database import db
from models.role import Role
from services import rates
from services.access import Caller

Document = Mapping[str, Any]

#: Parsed records that are kept; the texts of each are read and compared every time.
_MOST_RECORDS_KEPT = 512
#: More roles than this are not looked at.
_MAX_ROLES = 100
_ID = re.compile(r"[a-z0-9_]{1,255}")


def authenticate(plain_key: str | None) -> Caller:
    """The caller whose API key this is; raises `NotAuthenticated` or `TooManyRequests`.

    What is known of the key is read again after every commit, so that changes count at once
    everywhere.
    """
    if not plain_key:
        raise NotAuthenticated("No Session ID or API Key could be found")
    digest = key_digest(plain_key)
    kept = db.kept()
    texts = kept.get(digest) or db.read(lambda c: _key_texts(c, digest))
    if not texts or not _opens(record_of(texts[0]), plain_key):
        raise NotAuthenticated("Invalid API Key")
    kept[digest] = texts
    caller = _key_caller(texts)
    if caller.max_per_sec > 0:
        rates.count_request(caller)
    return caller


def _key_texts(connection: sa.Connection, digest: str) -> tuple[str, ...]:
    text = ApiKey.text_by_digest(connection, digest)
    return () if text is None else with_roles(connection, text)


def with_roles(connection: sa.Connection, text: str) -> tuple[str, ...]:
    """The text of a key or user, and those of its roles: all that its powers come from."""
    named = record_of(text).get("roles") or ()
    # Only ids are asked for: the database would choke on some other texts.
    ids = [name for name in named if isinstance(name, str) and _ID.fullmatch(name)]
    return (text, *(Role.texts_of(connection, ids[:_MAX_ROLES]) if ids else ()))


@lru_cache(_MOST_RECORDS_KEPT)
def record_of(text: str) -> Document:
    """A record; parsed once as long as its text is the same."""
    record: Document = json.loads(text)
    return record


def _opens(record: Document, plain_key: str) -> bool:
    """Whether the record is this key's, and the key active and not yet expired."""
    is_own = hmac.compare_digest(key_hash(plain_key, record["id"]), str(record.get("key")))
    expires = record.get("expires")
    is_expired = isinstance(expires, (int, float)) and 0 < expires <= clock.now()
    return is_own and javascript.is_truthy(record.get("active")) and not is_expired


@lru_cache(_MOST_RECORDS_KEPT)
def _key_caller(texts: tuple[str, ...]) -> Caller:
    record = record_of(texts[0])
    most = record.get("max_per_sec")
    return Caller(
        id=record["id"],
        name=record.get("username") or record["id"],
        title=record["title"],
        is_key=True,
        max_per_sec=most if isinstance(most, (int, float)) else 0,
        privileges=_privileges(texts),
        categories=_ids(texts, "categories"),
        groups=_ids(texts, "groups"),
    )


@lru_cache(_MOST_RECORDS_KEPT)
def user_caller(texts: tuple[str, ...]) -> Caller:
    """The caller that a user's text and those of the user's roles make."""
    record = record_of(texts[0])
    name = record["username"]
    return Caller(
        id=name,
        name=name,
        title=record.get("full_name") or name,
        is_key=False,
        email=record.get("email") or "",
        privileges=_privileges(texts),
        categories=_ids(texts, "categories"),
        groups=_ids(texts, "groups"),
    )


def _sources(texts: tuple[str, ...]) -> list[Document]:
    """Where powers come from: a key or user itself, and its enabled roles."""
    record, *roles = map(record_of, texts)
    return [record, *(role for role in roles if javascript.is_truthy(role.get("enabled")))]


def _privileges(texts: tuple[str, ...]) -> frozenset[str]:
    granted = (source.get("privileges") or {} for source in _sources(texts))
    return frozenset(
        name for one in granted for name, value in one.items() if javascript.is_truthy(value)
    )


def _ids(texts: tuple[str, ...], key: str) -> frozenset[str]:
    """What the sources limit to, together."""
    return frozenset(name for source in _sources(texts) for name in source.get(key) or ())
