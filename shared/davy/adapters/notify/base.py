"""What every receiver of alarms offers, and the text that people read."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from davy.domain.errors import UnavailableError

Message = Mapping[str, object]
"""One alarm as JSON: site, alarm, severity, title, message, consequence, response, raised_at, unanswered_s."""

SHOWN = 20  # alarms in one text; the others are counted


class NotifyError(UnavailableError):
    """A receiver did not take a message."""

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(f"{target} did not take the alarm: {reason}")
        self.target, self.reason = target, reason


class Notifier(Protocol):
    """Sends alarms to one receiver."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Send alarms together.

        Raises:
            NotifyError: The receiver did not take them.
        """
        ...


def subject(messages: Sequence[Message]) -> str:
    """One line: the alarm, or the number of alarms."""
    first = messages[0]
    if len(messages) == 1:
        return one_line(f"{first['site']}: {str(first['severity']).upper()} {first['title']}: {first['message']}")
    return one_line(f"{first['site']}: {len(messages)} unanswered alarms, the first: {first['title']}")


def text(messages: Sequence[Message]) -> str:
    """The alarms in sentences."""
    parts = [_paragraph(each) for each in messages[:SHOWN]]
    if len(messages) > SHOWN:
        parts.append(f"... and {len(messages) - SHOWN} more. The console shows them all.")
    return "\n\n".join(parts) + "\n"


def one_line(line: str) -> str:
    """A text without line breaks and other control characters, which would begin another header or record."""
    return "".join(each if each.isprintable() else " " for each in line)


def _paragraph(message: Message) -> str:
    lines = (
        f"{str(message['severity']).upper()}: {message['title']} ({message['source']})",
        f"{message['message']}",
        f"Raised {message['raised_at']}, unanswered for {message['unanswered_s']} s.",
        f"Consequence: {message['consequence']}" if message.get("consequence") else "",
        f"Response: {message['response']}" if message.get("response") else "",
    )
    return "\n".join(one_line(line) for line in lines if line)
