"""Mail by real conversations: TLS, logins, refusals, broken connections, hostile texts."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import trustme

from core import config
from services import mail, smtp
from services.mail import Mail, MailError
from tests.plugins.servers import free_port
from tests.processes import until
from tests.smtp_sink import Behaviour, Sink

ANN, BOB = "ann@example.com", "bob@example.com"
LOGIN = {"SMTP_USER": "jobs", "SMTP_PASSWORD": "open sesame"}


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """The file of an authority, and that of a server's certificate by it."""
    folder, authority = tmp_path_factory.mktemp("tls"), trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return folder / "ca.pem", folder / "server.pem"


@pytest.fixture
def sink():
    with Sink() as sink:
        yield sink


@pytest.fixture
def send():
    """Sends a mail to a server; what it keeps open for that is closed after the test."""
    used = set()

    def send(port, *recipients, subject="Hello", text="Text.\n", html="<p>HTML</p>", **changes):
        plain = {"SMTP_HOST": "localhost", "SMTP_PORT": port, "SMTP_TLS": "none"}
        wishes = {**plain, "SMTP_TIMEOUT": 20.0, "MAIL_FROM": "jobs@sender.example", **changes}
        settings = config.load(wishes, {})
        used.add(smtp.Server.of(settings))
        return mail.send(Mail("x123", recipients or (ANN,), subject, text, html), settings)

    yield send
    for server in used:
        smtp.connections_to(server).close()


def test_a_mail_arrives_with_both_bodies_and_all_headers(sink, send):
    assert send(sink.port, ANN, BOB, text="Größe: 5 €\n.\nlast\n", html="<p>Größe</p>\n") == {}
    (got,) = sink.mails
    assert (got.sender, got.recipients) == ("jobs@sender.example", [ANN, BOB])
    message = got.message
    assert (message["From"], message["To"]) == ("jobs@sender.example", f"{ANN}, {BOB}")
    assert message["Subject"] == "Hello"
    assert message["Message-ID"] == "<x123@sender.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert abs(message["Date"].datetime.timestamp() - time.time()) < 60
    assert message.get_body(("plain",)).get_content() == "Größe: 5 €\n.\nlast\n"
    assert message.get_body(("html",)).get_content() == "<p>Größe</p>\n"
    assert got.data.isascii()
    assert max(map(len, got.data.splitlines())) < 79


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("Übung: Größe 5 €", "Übung: Größe 5 €"),
        ("ü" * 300, "ü" * 199 + "…"),
        ("a\r\nBcc: eve@example.com\r\n\r\nbody", "a Bcc: eve@example.com body"),
        ("a\nb\x00c\x85d\u2028e\u202ef", "a b c d e f"),
        ("=?utf-8?q?=0D=0ABcc:_eve?=", "=?utf-8?q?=0D=0ABcc:_eve?="),
        ("x" * 500, "x" * 199 + "…"),
    ],
)
def test_a_subject_is_one_line_whatever_is_in_it(sink, send, subject, shown):
    assert send(sink.port, subject=subject) == {}
    (got,) = sink.mails
    assert got.message["Subject"] == shown
    assert got.recipients == [ANN]
    assert not [name for name in got.message if name.lower() == "bcc"]


@pytest.mark.parametrize(
    "address",
    [
        *(
            "ann",
            "@x",
            "a@",
            "a b@x.y",
            "a@b@c",
            "a..b@x.y",
            "a@x..y",
            "a@-x",
            "<a@x.y>",
            "\x00@x.y",
        ),
        *("a@x.y\r\nDATA", "a@x.y>\r\nRCPT TO:<eve@x.y", 'a"b@x.y', "ä@x.y", "a" * 65 + "@x.y"),
        *("a@" + "x." * 130 + "y", "a@" + "x" * 64 + ".y", "a,b@x.y", "a@x.y SIZE=1"),
    ],
)
def test_what_is_no_address_gets_nothing(sink, send, address):
    assert send(sink.port, address, ANN) == {address: "not an e-mail address"}
    assert sink.mails[0].recipients == [ANN]
    assert len([line for line in sink.lines if line.startswith("rcpt")]) == 1
    assert send(sink.port, address) == {address: "not an e-mail address"}
    assert len(sink.mails) == 1


def test_names_may_be_in_any_script(sink, send):
    send(sink.port, "ann@bücher.example", MAIL_FROM='"Jöbs, nightly" <jobs@sender.example>')
    (got,) = sink.mails
    assert got.recipients == ["ann@xn--bcher-kva.example"]
    (sender,) = got.message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Jöbs, nightly", "jobs@sender.example")


@pytest.mark.parametrize("mode", ["starttls", "tls"])
def test_encrypted_conversations_with_a_login(authority, send, mode):
    ca_file, certificate = authority
    behaviour = Behaviour(certificate, mode, {"jobs": "open sesame"})
    with Sink(behaviour) as sink:
        trusting = LOGIN | {"SMTP_TLS": mode, "SMTP_CA_FILE": str(ca_file)}
        assert send(sink.port, **trusting) == {}
        assert send(sink.port, **trusting) == {}
        assert [(got.is_encrypted, got.user, got.session) for got in sink.mails] == [
            (True, "jobs", 1),
            (True, "jobs", 1),
        ]
        careless = LOGIN | {"SMTP_TLS": mode, "SMTP_VERIFY": False}
        assert send(sink.port, **careless) == {}
        with pytest.raises(MailError, match=r"^TLS with the mail server failed: unable to get"):
            send(sink.port, **LOGIN, SMTP_TLS=mode)
        text = "TLS with the mail server failed: IP address mismatch"
        with pytest.raises(MailError, match=text):
            send(sink.port, **trusting, SMTP_HOST="127.0.0.1")
    assert len(sink.mails) == 3


def test_nothing_is_sent_in_clear_where_encryption_is_wanted(sink, send):
    with pytest.raises(MailError, match=r"^the mail server does not offer STARTTLS$"):
        send(sink.port, SMTP_TLS="starttls", **LOGIN)
    assert not [line for line in sink.lines if line.lower().startswith(("auth", "mail"))]


def test_a_refused_login_tells_no_password(send):
    with Sink(Behaviour(users={"jobs": "another"})) as sink:
        with pytest.raises(MailError) as caught:
            send(sink.port, **LOGIN)
        assert str(caught.value) == "the mail server refused the login (535)"
        with pytest.raises(MailError, match=r"^530 log in first$"):
            send(sink.port)


def test_a_login_that_is_not_offered(sink, send):
    with pytest.raises(MailError, match=r"^the mail server does not offer a login$"):
        send(sink.port, **LOGIN)


def test_one_refused_recipient_keeps_nobody_else_from_the_mail(send):
    with Sink(Behaviour(recipients={BOB: "550 no\tsuch user\x1b[31m"})) as sink:
        assert send(sink.port, BOB, ANN) == {BOB: "550 no such user [31m"}
        assert sink.mails[0].recipients == [ANN]
        assert send(sink.port, BOB) == {BOB: "550 no such user [31m"}
        assert len(sink.mails) == 1


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        (
            {"greeting": "554 internal-mx-7 secret build"},
            "the mail server refused the connection (554)",
        ),
        ({"greeting": "what is this"}, "the mail server refused the connection (-1)"),
        ({"answers": ["554 spam" + "!" * 500]}, "554 spam" + "!" * 192),
        ({"drops": 2}, "the mail server closed the connection"),
        ({"recipients": {ANN: "421 busy"}}, "the mail server closed the connection"),
    ],
)
def test_a_server_that_takes_nothing(send, behaviour, text):
    with Sink(Behaviour(**behaviour)) as sink:
        with pytest.raises(MailError) as caught:
            send(sink.port)
        assert str(caught.value) == text
        assert sink.mails == []


def test_a_server_that_is_not_there(send):
    text = "^the mail server can't be reached: Connection refused$"
    with pytest.raises(MailError, match=text):
        send(free_port(), SMTP_HOST="127.0.0.1")
    with pytest.raises(MailError, match=r"^the file of SWITCHYARD_SMTP_CA_FILE can't be used$"):
        send(free_port(), SMTP_TLS="tls", SMTP_CA_FILE="/nowhere")


def test_a_server_that_greets_slowly_is_waited_for_and_not_for_ever(send):
    with Sink(Behaviour(greets_after=0.3)) as sink:
        assert send(sink.port) == {}
    with Sink(Behaviour(greets_after=60)) as sink:
        text = r"^the mail server did not answer within 0\.2 seconds$"
        with pytest.raises(MailError, match=text):
            send(sink.port, SMTP_TIMEOUT=0.2)
        assert sink.sessions == 1


def test_a_mail_whose_connection_breaks_is_sent_again_with_the_same_id(tmp_path, send):
    with Sink(Behaviour(drops=1)) as sink:
        assert send(sink.port) == {}
        assert (sink.sessions, len(sink.mails)) == (2, 1)
        assert send(sink.port) == {}
        assert [got.message["Message-ID"] for got in sink.mails] == ["<x123@sender.example>"] * 2


def test_connections_are_kept_and_replaced_when_the_server_has_ended_them(send):
    with Sink(Behaviour(most_mails=3)) as sink:
        for _ in range(4):
            assert send(sink.port) == {}
        assert [got.session for got in sink.mails] == [1, 1, 1, 2]
        sink.hang_up()
        assert send(sink.port) == {}
        assert [got.session for got in sink.mails] == [1, 1, 1, 2, 3]


def test_connections_that_nobody_needs_are_ended(sink, send, monkeypatch):
    monkeypatch.setattr(smtp, "_KEPT_SECONDS", 0.2)
    send(sink.port)
    until(lambda: "quit" in sink.lines, 10, "the goodbye")
    assert send(sink.port) == {}
    assert sink.sessions == 2


def test_many_threads_share_a_few_connections(sink, send):
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: send(sink.port), range(200))) == [{}] * 200
    assert len(sink.mails) == 200
    assert sink.sessions <= 8


def test_a_mail_to_too_many_is_refused(sink, send):
    with pytest.raises(MailError, match=r"^more than 100 recipients$"):
        send(sink.port, *(f"a{number}@x.y" for number in range(101)))
    assert sink.sessions == 0


def test_without_a_server_nothing_is_sent(send):
    with pytest.raises(MailError, match=r"^no mail server is configured \(SWITCHYARD_SMTP_HOST\)$"):
        send(25, SMTP_HOST="")


def test_settings_name_a_server_and_a_sender():
    plain = config.load({}, {})
    assert (plain["SMTP_PORT"], plain["SMTP_VERIFY"]) == (587, True)
    assert plain["MAIL_FROM"].startswith("switchyard@")
    assert config.load({}, {"SWITCHYARD_SMTP_TLS": "tls"})["SMTP_PORT"] == 465
    assert config.load({}, {"SWITCHYARD_SMTP_VERIFY": "no"})["SMTP_VERIFY"] is False
    assert config.load({}, {"SWITCHYARD_MAIL_FROM": "Jöbs <a@b.c>"})["MAIL_FROM"] == "Jöbs <a@b.c>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("SMTP_TLS", "ssl"), ("SMTP_PORT", "70000"), ("SMTP_VERIFY", "maybe")),
        *(("SMTP_PASSWORD", "ü"), ("SMTP_TIMEOUT", "0"), ("MAIL_FROM", "nobody")),
        ("MAIL_FROM", "a@b.c\r\nBcc: d@e.f"),
    ],
)
def test_settings_that_can_not_be_meant_stop_the_start(name, value):
    with pytest.raises(config.ConfigError, match=f"SWITCHYARD_{name}: "):
        config.load({}, {f"SWITCHYARD_{name}": value})
