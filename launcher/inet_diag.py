"""The kernel's list of TCP and UDP sockets, with the bytes that each TCP connection has moved."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_ERROR, _DONE = 2, 3
#: Asks for `struct tcp_info`, which holds the counters.
_TCP_INFO = 2
#: All states but those of sockets that belong to no process any more.
_STATES = 0xFFF & ~(1 << 6)
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI48x")
_ATTRIBUTE = struct.Struct("=HH")
_COUNTERS = struct.Struct("=QQ")
#: Offsets in `struct inet_diag_msg` and in `struct tcp_info`.
_INODE_AT, _MESSAGE_BYTES, _COUNTERS_AT = 68, 72, 120
_RECEIVE_BYTES = 256 * 1024
_PATIENCE_SECONDS = 0.2
_KINDS = (("tcp", socket.IPPROTO_TCP), ("udp", socket.IPPROTO_UDP))
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_STATE_NAMES = (
    *("UNKNOWN", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT"),
    *("CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECV"),
)


class Socket:
    """One socket: where it leads, in which state it is, and what went through it both ways."""

    __slots__ = ("kind", "local", "moved_bytes", "remote", "state")

    def __init__(self, kind: str, message: memoryview) -> None:
        family, number = message[0], message[1]
        size = 4 if family == socket.AF_INET else 16
        local_port, remote_port = struct.unpack_from("!HH", message, 4)
        self.kind = kind
        self.local = _address(family, message[8 : 8 + size], local_port)
        self.remote = _address(family, message[24 : 24 + size], remote_port)
        self.state = _STATE_NAMES[number] if number < len(_STATE_NAMES) else "UNKNOWN"
        if kind == "udp" and self.state == "CLOSE":
            self.state = "UNCONNECTED"
        self.moved_bytes = _moved_bytes(message)


def sockets_of(inodes: set[int]) -> dict[int, Socket]:
    """Those of these sockets that are TCP or UDP, by inode. OSError where the kernel won't say."""
    found: dict[int, Socket] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(_PATIENCE_SECONDS)
        for kind, protocol in _KINDS:
            for family in _FAMILIES:
                for message in _dump(netlink, family, protocol):
                    (inode,) = struct.unpack_from("=I", message, _INODE_AT)
                    if inode in inodes:
                        found[inode] = Socket(kind, message)
    return found


def _dump(netlink: socket.socket, family: int, protocol: int) -> Iterator[memoryview]:
    """The messages about all sockets of one family and protocol."""
    body = _REQUEST.pack(family, protocol, 1 << (_TCP_INFO - 1), 0, _STATES)
    length = _HEADER.size + len(body)
    netlink.send(_HEADER.pack(length, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + body)
    while True:
        data = memoryview(netlink.recv(_RECEIVE_BYTES))
        while len(data) >= _HEADER.size:
            size, kind, *_ = _HEADER.unpack_from(data)
            if kind in (_DONE, _ERROR) or size < _HEADER.size:
                return
            if size >= _HEADER.size + _MESSAGE_BYTES:
                yield data[_HEADER.size : size]
            data = data[_aligned(size) :]


def _moved_bytes(message: memoryview) -> int:
    """What the other side has acknowledged and what came from it; 0 where nobody counts."""
    rest = message[_MESSAGE_BYTES:]
    while len(rest) >= _ATTRIBUTE.size:
        size, kind = _ATTRIBUTE.unpack_from(rest)
        if kind == _TCP_INFO and size >= _ATTRIBUTE.size + _COUNTERS_AT + _COUNTERS.size:
            sent, received = _COUNTERS.unpack_from(rest, _ATTRIBUTE.size + _COUNTERS_AT)
            return int(sent + received)
        if size < _ATTRIBUTE.size:
            break
        rest = rest[_aligned(size) :]
    return 0


def _aligned(size: int) -> int:
    return (size + 3) & ~3


def _address(family: int, raw: memoryview, port: int) -> str:
    """An address as netstat prints it: `127.0.0.1:80`, `[::1]:80`, `0.0.0.0:*`."""
    host = socket.inet_ntop(family, bytes(raw))
    shown = f"[{host}]" if family == socket.AF_INET6 else host
    return f"{shown}:{port or '*'}"
