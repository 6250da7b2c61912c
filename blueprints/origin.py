"""Where a request comes from, as the transaction log keeps it: addresses and harmless headers."""

import re
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit, urlunsplit

#: The headers that are kept. Others may hold credentials, whatever their names.
_KEPT = (
    *("host", "user-agent", "referer", "origin", "accept-language", "content-type", "via"),
    *("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"),
)
_MAX_HEADER_CHARS = 500
_MAX_ADDRESSES = 10
_LOOPBACK = ("127.0.0.1", "::1")
_ADDRESS = re.compile(r"[0-9a-fA-F.:]{2,45}")


def origin_of(environ: dict[str, Any]) -> dict[str, Any]:
    """`ip`, the address that the connection comes from, `ips` with what proxies tell, `headers`."""
    ip = environ.get("REMOTE_ADDR") or ""
    told = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    proxied = [part.strip() for part in told if _ADDRESS.fullmatch(part.strip())]
    # The nearest proxies come last, and are the ones that can be believed.
    ips = dict.fromkeys([*proxied[-_MAX_ADDRESSES:], ip])
    return {"ip": ip, "ips": list(filter(None, ips)), "headers": _headers(environ)}


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    found = {name: environ.get(_variable(name)) for name in _KEPT}
    return {name: _shown(name, value) for name, value in found.items() if value}


def _variable(name: str) -> str:
    variable = name.upper().replace("-", "_")
    return variable if variable == "CONTENT_TYPE" else f"HTTP_{variable}"


def _shown(name: str, value: str) -> str:
    # WSGI hands bytes over as Latin-1.
    text = value.encode("latin-1", "replace").decode("utf-8", "replace")
    return (_without_secrets(text) if name == "referer" else text)[:_MAX_HEADER_CHARS]


def _without_secrets(url: str) -> str:
    """A URL without what may hold credentials: user, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def login_address(environ: dict[str, Any]) -> str:
    """The address that attempts to log in are counted for.

    A proxy on this host is believed what it says, as gunicorn does; of an IPv6 address the
    network counts, since one client has all addresses of it.
    """
    origin = origin_of(environ)
    address: str = origin["ip"]
    others = [ip for ip in origin["ips"] if ip != address]
    if address in _LOOPBACK and others:
        address = others[-1]
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    network = ip_network((parsed, 64 if parsed.version == 6 else 32), strict=False)
    return str(network.network_address)
