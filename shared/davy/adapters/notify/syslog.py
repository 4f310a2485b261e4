"""Alarms to a syslog server."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from logging.handlers import SysLogHandler
from urllib.parse import urlsplit

from davy.adapters.notify.base import Message, NotifyError, one_line
from davy.domain.alarm_targets import Syslog

PORT = 514
TIMEOUT_S = 5.0
PRIORITY = {"info": "info", "warning": "warning", "alarm": "alert"}


class _Handler(SysLogHandler):
    """A handler that raises its errors instead of printing them."""

    def mapPriority(self, levelName: str) -> str:  # noqa: N802, N803  # as the base class names them
        return levelName

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002  # as above
        raise  # the error that the base class handles


class SyslogNotifier:
    """Sends one record per alarm, facility local0; an alarm has priority alert.

    Args:
        target: Name of the target.
        config: The server.
    """

    def __init__(self, target: str, config: Syslog) -> None:
        self._target, self._config = target, config

    async def send(self, messages: Sequence[Message]) -> None:
        """Send the alarms; raises NotifyError. By UDP nobody says whether they arrive."""
        try:
            await asyncio.to_thread(self._send, messages)
        except (OSError, ValueError) as error:
            raise NotifyError(self._target, f"{self._config.address}: {error}") from error

    def _send(self, messages: Sequence[Message]) -> None:
        parts = urlsplit(self._config.address.get_secret_value())
        kind = socket.SOCK_STREAM if parts.scheme == "tcp" else socket.SOCK_DGRAM
        address = parts.path if parts.scheme == "unix" else (parts.hostname or "", parts.port or PORT)
        handler = _Handler(address, SysLogHandler.LOG_LOCAL0, None if parts.scheme == "unix" else kind)
        handler.ident, handler.append_nul = "davy: ", parts.scheme != "tcp"
        handler.setFormatter(logging.Formatter("%(message)s" + ("\n" if parts.scheme == "tcp" else "")))
        try:
            if parts.scheme == "tcp":
                handler.socket.settimeout(TIMEOUT_S)  # type: ignore[attr-defined]  # set by its constructor
            for message in messages:
                record = logging.LogRecord("davy", logging.ERROR, "", 0, _line(message), None, None)
                record.levelname = PRIORITY.get(str(message["severity"]), "alert")
                handler.emit(record)
        finally:
            handler.close()


def _line(message: Message) -> str:
    names = ("site", "alarm", "severity", "title", "message", "raised_at", "unanswered_s")
    return one_line(" ".join(f'{name}="{str(message[name]).replace(chr(34), chr(39))}"' for name in names))
