"""What every receiver of alarms offers, and the text that people read."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from davy.adapters.words import Words, in_language
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


def subject(messages: Sequence[Message], words: Words) -> str:
    """One line: the alarm, or the number of alarms."""
    first = in_language(messages[0], words)
    if len(messages) == 1:
        return one_line(f"{first['site']}: {_severity(first, words)} {first['title']}: {first['message']}")
    many = words.t("mail-many", count=len(messages), title=first["title"])
    return one_line(f"{first['site']}: {many}")


def text(messages: Sequence[Message], words: Words) -> str:
    """The alarms in sentences."""
    parts = [_paragraph(in_language(each, words), words) for each in messages[:SHOWN]]
    if len(messages) > SHOWN:
        parts.append(words.t("mail-more", count=len(messages) - SHOWN))
    return "\n\n".join(parts) + "\n"


def one_line(line: str) -> str:
    """A text without line breaks and other control characters, which would begin another header or record."""
    return "".join(each if each.isprintable() else " " for each in line)


def _severity(message: Message, words: Words) -> str:
    return words.t(f"severity-{message['severity']}").upper()


def _paragraph(message: Message, words: Words) -> str:
    named = [(words.t(f"alarm-{name}"), message.get(name)) for name in ("consequence", "response")]
    lines = (
        f"{_severity(message, words)}: {message['title']} ({message['source']})",
        f"{message['message']}",
        words.t("mail-raised", at=message["raised_at"], seconds=str(message["unanswered_s"])),
        *(f"{name}: {said}" for name, said in named if said),
    )
    return "\n".join(one_line(line) for line in lines if line)
