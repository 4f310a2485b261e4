"""Alarms by e-mail."""

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

from davy.adapters.notify.base import Message, NotifyError, subject, text
from davy.adapters.words import Words
from davy.domain.alarm_targets import Email

TIMEOUT_S = 20.0
PORTS = {"smtp": 587, "smtps": 465}


class MailNotifier:
    """Sends one message per delivery by SMTP. A password travels only under TLS.

    Args:
        target: Name of the target.
        config: Server, sender and recipients.
        tls: Trusted authorities; None for the system's.
        words: Of the language of the messages.
    """

    def __init__(self, target: str, config: Email, tls: ssl.SSLContext | None = None, words: Words | None = None) -> None:
        self._target, self._config, self._tls, self._words = target, config, tls, words or Words()

    async def send(self, messages: Sequence[Message]) -> None:
        """Send the alarms; raises NotifyError."""
        mail = EmailMessage()
        mail["Subject"] = await asyncio.to_thread(subject, messages, self._words)  # the first one reads the catalogue
        mail["From"], mail["To"] = self._config.sender, ", ".join(self._config.to)
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="davy.invalid")
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation answers
        mail.set_content(text(messages, self._words))
        try:
            await asyncio.to_thread(self._submit, mail)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise NotifyError(self._target, f"{self._config.smtp}: {_reason(error)}") from error

    def _submit(self, mail: EmailMessage) -> None:
        parts = urlsplit(self._config.smtp.get_secret_value())
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        context = self._tls or ssl.create_default_context()
        server: smtplib.SMTP
        if parts.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
        with server:
            server.ehlo()
            if parts.scheme == "smtp" and (server.has_extn("starttls") or parts.username):
                server.starttls(context=context)
                server.ehlo()
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            refused = server.send_message(mail)
        if refused:
            raise smtplib.SMTPRecipientsRefused(refused)


def _reason(error: Exception) -> str:
    match error:
        case smtplib.SMTPRecipientsRefused():
            return f"refused recipients: {', '.join(error.recipients)}"
        case smtplib.SMTPResponseException():
            answer = error.smtp_error
            return f"{error.smtp_code} {answer.decode(errors='replace') if isinstance(answer, bytes) else answer}"
        case _:
            return str(error) or type(error).__name__
