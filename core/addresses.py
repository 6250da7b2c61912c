"""Addresses that requests to other services must not reach: where clouds keep credentials."""

import ipaddress

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Where clouds keep what machines may know of themselves, beside the link-local addresses.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "fd00:ec2::254",  # Amazon
        "fd20:ce::254",  # Google
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure
    )
)
#: IPv6 addresses whose last four bytes are an IPv4 address: of NAT64 (everybody's, and the prefix
#: for a network's own use), translated without state, and in the old compatible form.
_EMBEDDING = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")
)


def is_metadata(address: str) -> bool:
    """Whether an IP address is link-local, or one of a cloud's metadata, in whatever form."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return any(form.is_link_local or form in _METADATA for form in _forms(ip))


def _forms(ip: _Address) -> list[_Address]:
    """The address, and those that are embedded in it."""
    forms = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        forms += [embedded for embedded in (ip.ipv4_mapped, ip.sixtofour) if embedded]
        if any(ip in network for network in _EMBEDDING):
            forms.append(ipaddress.ip_address(ip.packed[-4:]))
    return forms
