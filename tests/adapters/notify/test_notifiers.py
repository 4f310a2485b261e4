"""Receivers of alarms, against real servers."""

import asyncio
import base64
import json
import socket
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError
from tests.davy_aggregator.conftest import until

from davy.adapters.notify import NotifyError
from davy.adapters.notify.mail import MailNotifier
from davy.adapters.notify.syslog import SyslogNotifier
from davy.adapters.notify.webhook import WebhookNotifier
from davy.adapters.words import Words
from davy.domain.alarm_targets import AlarmsConfig, Email, Syslog, Webhook
from davy.domain.secret_url import SecretUrl
from davy.site import load_site

pytestmark = pytest.mark.system

ALARM = {
    "site": "mine",
    "alarm": "lens-blocked:north.face",
    "kind": "lens-blocked",
    "source": "north.face",
    "severity": "alarm",
    "title": "Lens blocked",
    "message": "the lens is covered",
    "consequence": "Nobody sees this place.",
    "response": "Clean it.",
    "raised_at": "2026-11-28T09:14:05+00:00",
    "unanswered_s": 120,
}
SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
BROKEN = b"HTTP/1.1 500 Broken\r\ncontent-length: 0\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
FORGED = ALARM | {"message": "covered\r\nBcc: everybody@example.org\n\nhello"}


class Mailbox:
    """What a mail server received."""

    def __init__(self) -> None:
        self.mails, self.tls, self.logins = [], [], []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  # aiosmtpd's name
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        self.tls.append(session.ssl is not None)
        return "250 taken"

    def login(self, server, session, envelope, mechanism, auth_data):
        name, password = auth_data.login.decode(), auth_data.password.decode()
        self.logins.append(name)
        return AuthResult(success=(name, password) == ("davy", "secret word"))


def certificate(folder) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.fixture
def mailbox(free_port):
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port)
    controller.start()
    box.url = f"smtp://127.0.0.1:{free_port}"
    yield box
    controller.stop()


@pytest.fixture
def closed_mailbox(free_port, tmp_path):
    """A server that takes mail after STARTTLS and a login alone."""
    box, tls = Mailbox(), certificate(tmp_path)

    class Closed(Controller):
        def factory(self):
            return SMTP(
                self.handler, tls_context=tls, require_starttls=True, auth_required=True, authenticator=self.handler.login
            )

    controller = Closed(box, hostname="127.0.0.1", port=free_port)
    controller.start()
    box.port = free_port
    box.trusted = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    yield box
    controller.stop()


def email(url: str, **changes) -> Email:
    return Email(smtp=SecretUrl(url), sender="davy@mine.example", to=("shift@mine.example", "boss@mine.example"), **changes)


async def test_an_alarm_is_a_mail_that_says_what_to_do(mailbox):
    await MailNotifier("shift", email(mailbox.url)).send([ALARM])
    ((recipients, mail),) = mailbox.mails
    assert recipients == ["shift@mine.example", "boss@mine.example"]
    assert mail["Subject"] == "mine: ALARM Lens blocked: the lens is covered"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert "What to do: Clean it." in text
    assert "unanswered for 120 s" in text


async def test_a_mail_is_written_in_the_language_of_the_site_but_for_the_site_s_own_words(mailbox):
    message = ALARM | {"message": "camera Face is unreachable: no route"}
    await MailNotifier("shift", email(mailbox.url), words=Words("pl")).send([message])
    ((_, mail),) = mailbox.mails
    assert mail["Subject"] == "mine: ALARM Zasłonięty obiektyw: kamera Face jest nieosiągalna: no route"
    text = mail.get_content()
    assert "Nikt nie widzi tego miejsca." in text and "bez odpowiedzi od 120 s" in text
    assert "Clean it." in text  # not the text of the kind: somebody of the site wrote it


async def test_a_flood_is_one_mail(mailbox):
    await MailNotifier("shift", email(mailbox.url)).send([ALARM] * 500)
    ((_, mail),) = mailbox.mails
    assert mail["Subject"].startswith("mine: 500 unanswered alarms")
    assert "and 480 more" in mail.get_content()


async def test_a_message_of_an_edge_adds_no_header_to_a_mail(mailbox):
    await MailNotifier("shift", email(mailbox.url)).send([FORGED])
    ((recipients, mail),) = mailbox.mails
    assert "everybody@example.org" not in recipients
    assert mail["Bcc"] is None


async def test_a_password_travels_under_tls_alone(closed_mailbox):
    url = f"smtp://davy:secret%20word@localhost:{closed_mailbox.port}"
    await MailNotifier("shift", email(url), closed_mailbox.trusted).send([ALARM])
    assert (closed_mailbox.logins, closed_mailbox.tls) == (["davy"], [True])


async def test_a_server_that_is_not_trusted_gets_no_password(closed_mailbox):
    url = f"smtp://davy:secret%20word@localhost:{closed_mailbox.port}"
    with pytest.raises(NotifyError, match="certificate") as refused:
        await MailNotifier("shift", email(url)).send([ALARM])
    assert closed_mailbox.logins == []
    assert "secret" not in str(refused.value)


async def test_a_server_without_tls_gets_no_password(mailbox):
    with pytest.raises(NotifyError):
        await MailNotifier("shift", email(mailbox.url.replace("//", "//davy:secret@"))).send([ALARM])
    assert mailbox.mails == []


async def test_an_absent_server_is_named(free_port):
    with pytest.raises(NotifyError, match=f"127.0.0.1:{free_port}"):
        await MailNotifier("shift", email(f"smtp://127.0.0.1:{free_port}")).send([ALARM])


@asynccontextmanager
async def http_server(answer: bytes):
    """An HTTP server that keeps requests and gives one answer."""
    requests = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        body = await reader.readexactly(length)
        requests.append((head.decode(), json.loads(body), body))
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", requests


async def test_a_webhook_gets_the_alarm_as_json_with_its_token():
    async with http_server(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, requests):
        notifier = WebhookNotifier("scada", Webhook(url=SecretUrl(url), token="open sesame"))
        await notifier.send([ALARM])
        await notifier.send([ALARM])
    (head, body, _), (again, _, _) = requests
    assert body == {"alarms": [ALARM]}
    assert "authorization: bearer open sesame" in head.lower()
    key = [line for line in head.splitlines() if line.lower().startswith("idempotency-key")]
    assert key and key[0] in again


async def test_a_receiver_verifies_a_signed_webhook_with_a_library():
    async with http_server(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, requests):
        notifier = WebhookNotifier("scada", Webhook(url=SecretUrl(url), secret=SECRET))
        await notifier.send([ALARM | {"message": "Stöße im Schacht"}])
        await notifier.send([ALARM | {"message": "Stöße im Schacht"}])
    sent = [dict(line.split(": ", 1) for line in head.splitlines()[1:] if line) for head, _, _ in requests]
    (_, _, body), _ = requests
    assert Verifier(SECRET).verify(body, sent[0])["alarms"][0]["message"] == "Stöße im Schacht"
    assert sent[0]["webhook-id"] == sent[1]["webhook-id"]  # a receiver knows a message that comes twice
    for forged, headers in ((body.replace(b"alarm", b"alert"), sent[0]), (body, sent[0] | {"webhook-id": "msg_other"})):
        with pytest.raises(WebhookVerificationError):
            Verifier(SECRET).verify(forged, headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(f"whsec_{base64.b64encode(bytes(32)).decode()}").verify(body, sent[0])


@pytest.mark.parametrize("secret", ["open sesame", "whsec_", "whsec_c2hvcnQ=", "whsec_no base64", f"WHSEC_{'A' * 44}"])
def test_a_secret_that_is_none_is_refused_without_being_shown(secret):
    with pytest.raises(ValidationError, match="whsec_ and 24 to 64") as refused:
        AlarmsConfig.model_validate({"targets": {"scada": {"kind": "webhook", "url": "https://scada", "secret": secret}}})
    assert len(secret) < 10 or secret not in str(refused.value)


def test_the_secret_of_a_webhook_comes_from_a_file(tmp_path):
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "site.yaml").write_text(
        "site: mine\nedges: {north: {cameras: {face: {source: 'simulator://face'}}}}\n"
        "alarms: {targets: {scada: {kind: webhook, url: 'https://scada.example/alarms'}}}\n"
    )
    found = load_site(tmp_path / "site.yaml", {"DAVY_ALARMS__TARGETS__SCADA__SECRET_FILE": str(tmp_path / "secret")})
    assert found.alarms.targets["scada"].secret.get_secret_value() == SECRET


@pytest.mark.parametrize(
    "answer",
    [BROKEN, MOVED, b"nonsense"],
)
async def test_a_webhook_that_refuses_or_redirects_has_failed(answer):
    async with http_server(answer) as (url, requests):
        with pytest.raises(NotifyError):
            await WebhookNotifier("scada", Webhook(url=SecretUrl(url))).send([ALARM])
    assert len(requests) == 1


async def test_a_failure_shows_no_secret(free_port):
    url = SecretUrl(f"http://davy:geheim@127.0.0.1:{free_port}/hook?key=verborgen")
    with pytest.raises(NotifyError) as refused:
        await WebhookNotifier("scada", Webhook(url=url)).send([ALARM])
    assert "geheim" not in str(refused.value)
    assert "verborgen" not in str(refused.value)


async def test_syslog_gets_one_record_per_alarm_by_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        address = SecretUrl(f"udp://127.0.0.1:{server.getsockname()[1]}")
        await SyslogNotifier("log", Syslog(address=address)).send([FORGED, ALARM | {"severity": "warning"}])
        first, second = (server.recv(4096) for _ in range(2))
    assert first.startswith(b"<129>davy: ")  # local0.alert
    assert b"\n" not in first and b"\r" not in first
    assert second.startswith(b"<132>davy: ")  # local0.warning
    assert b'alarm="lens-blocked:north.face"' in second


async def test_syslog_gets_lines_by_tcp_and_an_absent_server_has_failed(free_port):
    lines = []

    async def serve(reader, writer):
        lines.extend((await reader.read()).splitlines())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", free_port)
    async with server:
        await SyslogNotifier("log", Syslog(address=SecretUrl(f"tcp://127.0.0.1:{free_port}"))).send([ALARM, ALARM])
        await until(lambda: len(lines) == 2)
    with pytest.raises(NotifyError):
        await SyslogNotifier("log", Syslog(address=SecretUrl(f"tcp://127.0.0.1:{free_port}"))).send([ALARM])
