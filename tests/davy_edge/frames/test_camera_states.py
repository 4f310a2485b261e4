"""What a broker is told of cameras that come and go; a bus that writes down what it is given."""

import asyncio
import json

import pytest

from davy.domain.errors import BrokerUnavailableError
from davy.domain.ports import Message
from davy.domain.topics import EdgeTopics
from davy_edge.frames.camera_states import CameraStates
from davy_edge.frames.capture import CameraState

TOPICS = EdgeTopics("demo", "north")


class Book:
    """A bus: keeps messages, or is away."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.connected = True

    async def publish(self, message: Message) -> None:
        if not self.connected:
            raise BrokerUnavailableError("mqtt://book")
        self.messages.append(message)

    def published(self) -> list[tuple[str, str]]:
        """Camera and state, or "" where what was kept is cleared."""
        return [(m.topic.split("/")[5], json.loads(m.payload)["state"] if m.payload else "") for m in self.messages]


class Events:
    def record_event(self, *what: object) -> None:
        """Events are not what is tested here."""


async def publishing(states: CameraStates, book: Book) -> None:
    work = asyncio.create_task(states.publish(book))
    await asyncio.sleep(0.01)
    work.cancel()


async def test_a_removed_camera_turns_offline_and_its_message_is_cleared():
    states, book = CameraStates(TOPICS, ["face", "belt"], Events()), Book()
    states.set("belt", CameraState.ONLINE, "")
    states.remove("belt", "it was taken out")
    states.set("belt", CameraState.OFFLINE, "closed")  # the last word of its thread
    await publishing(states, book)
    assert book.published() == [("belt", "offline"), ("belt", "")]
    assert states.of("belt")[0] is CameraState.OFFLINE


async def test_a_camera_removed_without_a_broker_is_cleared_at_the_next_connect():
    states, book = CameraStates(TOPICS, ["face", "belt"], Events()), Book()
    book.connected = False
    states.remove("belt", "it was taken out")
    await publishing(states, book)
    book.connected = True
    await states.publish_all(book)
    assert book.published() == [("belt", ""), ("face", "offline")]


async def test_a_camera_that_comes_back_is_not_cleared():
    states, book = CameraStates(TOPICS, ["face"], Events()), Book()
    states.clear_removed(["belt", "face"])
    states.add("belt")
    states.set("belt", CameraState.ONLINE, "")
    await states.publish_all(book)
    assert book.published() == [("face", "offline"), ("belt", "online")]


def test_a_camera_that_comes_and_goes_is_one_event_with_a_count():
    kinds: list[tuple[str, str]] = []

    class Kept(Events):
        def record_event(self, *what: object) -> None:
            kinds.append((str(what[0]), str(what[1])))

    states = CameraStates(TOPICS, ["face"], Kept())
    for _ in range(50):
        states.set("face", CameraState.ONLINE, "")
        states.set("face", CameraState.OFFLINE, "the stream ended")
    assert len(kinds) == 7
    assert [kind for kind, _ in kinds].count("camera-unsteady") == 1
    assert "6 changes" in kinds[-1][1]


class Written:
    """Events that are kept."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    def record_event(self, kind: str, *more: object) -> None:
        self.kinds.append(kind)


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (CameraState.OFFLINE, "camera-offline"),
        (CameraState.ONLINE, "camera-online"),
        (CameraState.STALLED, "camera-stalled"),
    ],
)
def test_the_state_that_an_unsteady_camera_comes_to_rest_in_is_one_event(last, kind):
    now_s, events = [0.0], Written()
    states = CameraStates(TOPICS, ["face"], events, lambda: now_s[0])
    for number in range(20):
        now_s[0] += 1
        states.set("face", CameraState.ONLINE if number % 2 else CameraState.OFFLINE, "")
        states.check()
    states.set("face", last, "it left")
    assert events.kinds[-1] == "camera-unsteady"
    before = len(events.kinds)
    for _ in range(60):
        now_s[0] += 1
        states.check()
    assert events.kinds[before:] == [kind]
    states.set("face", CameraState.ONLINE if last is not CameraState.ONLINE else CameraState.OFFLINE, "")
    assert len(events.kinds) == before + 2
