"""A mail server for tests: it keeps what it gets, and misbehaves when it is told to.

With a ledger it keeps nothing, and appends a line to that file for each mail before it accepts it:
the job that the mail is about, `mail-` and the recipient's name, and its Message-ID.
"""

import base64
import contextlib
import hmac
import re
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

_JOB = re.compile(rb"^Job id:\s*(\S+)", re.MULTILINE)
_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass
class Received:
    """A mail as it came: by which session, from whom, to whom."""

    session: int
    is_encrypted: bool
    user: str | None
    sender: str
    recipients: list[str]
    data: bytes

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed; its lines as Python has them."""
        return message_from_bytes(self.data.replace(b"\r\n", b"\n"), policy=policy.default)


@dataclass
class Behaviour:
    """How a server behaves; by default it takes everything."""

    #: The whole conversation is encrypted (`tls`), or may become so (`starttls`).
    certificate: Path | None = None
    tls: str = "none"
    #: Who may log in; nobody else may send then.
    users: dict[str, str] = field(default_factory=dict)
    #: Answers to recipients, and to whole mails in their order.
    recipients: dict[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    greeting: str = "220 sink ESMTP"
    #: Seconds before the greeting; the server's end cuts it short.
    greets_after: float = 0
    #: How many mails are received completely and then never answered: the connection is closed.
    drops: int = 0
    #: Mails after which a session is closed.
    most_mails: int | None = None
    ledger: Path | None = None


class _Session(socketserver.StreamRequestHandler):
    server: "Sink"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        if self.server.behaviour.tls == "tls":
            self.request = self.server.encrypted(self.request)
        super().setup()
        self.is_encrypted = self.server.behaviour.tls == "tls"
        self.user: str | None = None
        self.mails = 0
        self.number = self.server.begin()
        self._reset()

    def handle(self) -> None:
        behaviour = self.server.behaviour
        if behaviour.greets_after and self.server.stopping.wait(behaviour.greets_after):
            return
        self.say(behaviour.greeting)
        while line := self.rfile.readline(2000):
            verb, _, rest = line.decode().strip().partition(" ")
            self.server.heard(line.decode().strip())
            act = getattr(self, f"on_{verb.lower()}", None)
            if act is None:
                self.say("502 what?")
            elif act(rest) is False:
                return

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def say(self, *lines: str) -> None:
        *first, last = lines
        text = "".join(f"{line[:3]}-{line[4:]}\r\n" for line in first) + f"{last}\r\n"
        self.wfile.write(text.encode())

    def _reset(self) -> None:
        self.sender, self.recipients = "", []

    def on_ehlo(self, _name: str) -> None:
        behaviour = self.server.behaviour
        offers = ["250 sink", "250 SIZE 1000000"]
        if behaviour.tls == "starttls" and not self.is_encrypted:
            offers.append("250 STARTTLS")
        elif behaviour.users:
            offers.append("250 AUTH PLAIN")
        self.say(*offers)

    def on_starttls(self, _rest: str) -> None:
        self.say("220 go on")
        self.request = self.server.encrypted(self.request)
        super().setup()
        self.is_encrypted = True

    def on_auth(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.removeprefix("PLAIN ")).decode().split("\0")
        expected = self.server.behaviour.users.get(user, "")
        if expected and hmac.compare_digest(expected, password):
            self.user = user
            self.say("235 welcome")
        else:
            self.say(f"535 {password} is not the password of {user}")

    def on_mail(self, rest: str) -> None:
        if self.server.behaviour.users and self.user is None:
            self.say("530 log in first")
            return
        if self.mails == self.server.behaviour.most_mails:
            self.say("421 that was enough")
            return
        self.sender = _address(rest)
        self.say("250 ok")

    def on_rcpt(self, rest: str) -> None:
        address = _address(rest)
        answer = self.server.behaviour.recipients.get(address, "250 ok")
        if answer.startswith("250"):
            self.recipients.append(address)
        self.say(answer)

    def on_data(self, _rest: str) -> bool:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        if not line or self.server.drops_this():
            return False
        answer = self.server.answer()
        if answer.startswith("250"):
            self.mails += 1
            mail = self.sender, self.recipients, b"".join(lines)
            self.server.keep(Received(self.number, self.is_encrypted, self.user, *mail))
        self.say(answer)
        self._reset()
        return True

    def on_rset(self, _rest: str) -> None:
        self._reset()
        self.say("250 ok")

    def on_noop(self, _rest: str) -> None:
        self.say("250 ok")

    def on_quit(self, _rest: str) -> bool:
        self.say("221 bye")
        return False


def _address(rest: str) -> str:
    found = re.search("<(.*)>", rest)
    assert found, rest
    return found[1]


class Sink(socketserver.ThreadingTCPServer):
    """The server on a port of its own; a context manager that serves."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 100

    def __init__(self, behaviour: Behaviour | None = None, port: int = 0) -> None:
        self.behaviour = behaviour or Behaviour()
        self.mails: list[Received] = []
        #: All lines that clients have said, but for mails.
        self.lines: list[str] = []
        self.sessions = 0
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._context = None
        if self.behaviour.certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(self.behaviour.certificate)
        super().__init__(("127.0.0.1", port), _Session)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_address[1]

    def __enter__(self) -> "Sink":
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close all sessions, as a server does that is restarted."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def get_request(self) -> tuple[socket.socket, object]:
        request, address = super().get_request()
        with self._lock:
            self._sockets.append(request)
        return request, address

    def encrypted(self, request: socket.socket) -> socket.socket:
        assert self._context is not None
        return self._context.wrap_socket(request, server_side=True)

    def begin(self) -> int:
        with self._lock:
            self.sessions += 1
            return self.sessions

    def heard(self, line: str) -> None:
        self.lines.append(line)

    def drops_this(self) -> bool:
        with self._lock:
            self.behaviour.drops -= 1
            return self.behaviour.drops >= 0

    def answer(self) -> str:
        with self._lock:
            return self.behaviour.answers.pop(0) if self.behaviour.answers else "250 kept"

    def keep(self, mail: Received) -> None:
        if self.behaviour.ledger:
            name, job = _ID.search(mail.data), _JOB.search(mail.data)
            assert name, mail.data
            assert job, mail.data
            reason = f"mail-{mail.recipients[0].partition('@')[0]}".encode()
            with self._lock, self.behaviour.ledger.open("ab", 0) as ledger:
                ledger.write(b"%s %s %s\n" % (job[1], reason, name[1]))
        else:
            with self._lock:
                self.mails.append(mail)

    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle is what some tests are about."""
