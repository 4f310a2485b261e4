"""Every surface under random input: alive, ready, and the neighbour unharmed.

A short form runs with the tests; `make fuzz` sets DAVY_FUZZ_S, the time for each surface in s, for the long one. A table
of cases, of those over a second, and of the growth of the memory stands at the end.
"""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
import schemathesis
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.conftest import Mosquitto
from tests.davy_aggregator.conftest import PICTURE, make_site
from tests.fixtures.cameras import picture
from tests.security.counting import BUDGET_S, surface
from tests.security.mutation import mutated
from tests.security.target import Target, target

from davy.adapters.grpc.envelope import from_envelope, from_event
from davy.adapters.media import jpeg
from davy.adapters.storage.config_store import ConfigStore
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.rollout_store import RolloutStore
from davy.adapters.storage.spool import Spool
from davy.domain.bounds import read_json_object
from davy.domain.errors import DavyError
from davy.domain.ports import Message
from davy.domain.source import Source
from davy.domain.topics import Topic
from davy.identity import Identity, Token
from davy.twin.configuration import DesiredConfig, ReportedConfig
from davy.twin.model import DesiredModel, ModelState, ReportedModel
from davy.twin.state_file import StateFile
from davy.v1 import edge_pb2, frame_pb2, ingest_pb2, model_pb2, sample_pb2
from davy_aggregator.bus import read_frame
from davy_aggregator.config.service import ConfigService
from davy_aggregator.rollout.rollout_records import RolloutRecords
from davy_aggregator.samples.rpc import read_sample
from davy_edge.config.manager import ConfigPointer

# The threads of what is fuzzed draw random waits while an example is made.
pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore:Do not use the `random` module")]

EXAMPLES = 40 if not BUDGET_S else 400
FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=not BUDGET_S,  # the short form finds today what it found yesterday
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
INTS = st.sampled_from([0, 1, -1, 2**31, 2**52, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 10**400]) | st.integers()
TEXTS = st.text(max_size=40) | st.sampled_from(["", " ", "\0", "A", "a/b", "é", "\u2028", "x" * 5000, "../..", "nan", "1e999"])
LEAVES = st.none() | st.booleans() | INTS | st.floats() | TEXTS
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8)
DEEP = st.integers(30, 3000).map(lambda depth: b'{"a":' * depth + b"1" + b"}" * depth)
WIRE = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()) | DEEP | st.just(PICTURE)
IDS = st.sampled_from(["mine", "north", "south", "thin", "ghost", "A", "aggregator", "-", "x" * 65])
EDGE_LEAVES = ["status", "info", "stats", "event", "desired/config", "desired/model", "reported/config", "reported/model", "x"]
PROPERTIES = st.dictionaries(
    st.sampled_from(["seq", "captured_ns", "width", "height", "boot_id", "model", "strength", "traceparent", "other"]),
    INTS.map(str) | TEXTS,
    max_size=9,
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory, module_mosquitto: Mosquitto):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "pictures").mkdir()
    (folder / "pictures" / "0.jpg").write_bytes(jpeg.encode(picture(30), 90))
    with target(module_mosquitto, folder, f"file://{folder}/pictures") as found:
        yield found


@st.composite
def reports(draw: st.DrawFn) -> bytes:
    """A report or an order that is almost right."""
    fields = {
        "epoch": draw(INTS),
        "target": draw(TEXTS),
        "state": draw(st.sampled_from(["applied", "rejected", *ModelState]) | TEXTS),
        "id": draw(st.sampled_from(["", "0" * 64]) | TEXTS),
        "config": draw(JSON),
        "model": draw(st.sampled_from(["", "0" * 64])),
        "at_ns": draw(INTS),
        "refused_epoch": draw(INTS),
        "figures": draw(JSON),
        "attempts": draw(INTS),
    }
    return json.dumps({name: value for name, value in fields.items() if draw(st.booleans())}).encode()


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """A message on any topic of Davy, or on one that is almost one."""
    site, name, camera = draw(st.just("mine") | IDS), draw(IDS), draw(st.sampled_from(["face", "cam", "belt", "A"]))
    leaf = draw(st.sampled_from(["frame", "raw", "meta", "status"]))
    own = draw(st.sampled_from(EDGE_LEAVES))
    topic = draw(st.sampled_from([f"davy/v1/{site}/{name}/cam/{camera}/{leaf}", f"davy/v1/{site}/{name}/{own}"]))
    payload = draw(reports() if "reported" in topic or "desired" in topic else WIRE) if draw(st.booleans()) else draw(WIRE)
    return Message(topic, payload, draw(st.sampled_from([0, 1])), properties=draw(PROPERTIES))


def test_mqtt_every_topic_and_user_property(fuzzed: Target):
    @FUZZ
    @given(st.lists(messages(), min_size=1, max_size=5))
    def case(found: list[Message]) -> None:
        # What an honest aggregator writes to this edge may be forged on an open broker: the edge then obeys it.
        with mqtt.step(len(found)):
            fuzzed.publish(*(each for each in found if "south/desired" not in each.topic))

    mqtt = surface("MQTT: topics, user properties")
    mqtt.spend(BUDGET_S, lambda: (case(), fuzzed.check()))


STATUS = json.dumps({"state": "online", "reason": "it sends", "at_ns": 1_700_000_000_000_000_000}).encode()
REPORTED = json.dumps(
    {"epoch": 3, "target": "0" * 64, "state": "applied", "boot_id": "b1", "at_ns": 1_700_000_000_000_000_000, "config": {}}
).encode()
DESIRED = json.dumps(
    {"epoch": 3, "id": "0" * 64, "config": {"cameras": {"face": {"source": "rtsp://10.0.0.1/1", "fps": 5}}}}
).encode()
EVENT = ingest_pb2.Event(
    site="mine", edge="north", boot_id="b1", seq=1, occurred_ns=1_700_000_000_000_000_000, kind="test", message="m"
)
PAYLOADS = [STATUS, b"online", REPORTED, DESIRED, EVENT.SerializeToString(), PICTURE]
TOPICS = [
    b"davy/v1/mine/north/cam/belt/frame",
    b"davy/v1/mine/thin/cam/cam/raw",
    b"davy/v1/mine/north/cam/belt/status",
    *(f"davy/v1/mine/north/{leaf}".encode() for leaf in EDGE_LEAVES),
]
FACTS = {"seq": "7", "captured_ns": "1700000000000000000", "boot_id": "b1", "width": "320", "height": "180", "model": "m"}
BATCH, BATCHES = 50, 4 if not BUDGET_S else 100


def almost(chance: random.Random) -> Message:
    """A message that an edge could send, with a part of it changed."""
    topic = chance.choice(TOPICS).decode()
    if chance.randrange(8) == 0:
        topic = mutated(chance, topic.encode(), chance.choice(TOPICS)).decode("utf-8", "ignore")
        topic = topic.translate({ord(each): "" for each in "+#\0"}) or "x"
    facts = dict(FACTS)
    name = chance.choice(list(facts))
    facts[name] = mutated(chance, facts[name].encode(), b"1").decode("utf-8", "ignore").replace("\0", "")
    payload = chance.choice(PAYLOADS)
    return Message(
        topic, mutated(chance, payload, chance.choice(PAYLOADS)), properties=facts if chance.random() < 0.5 else FACTS
    )


def test_mqtt_messages_that_are_almost_right(fuzzed: Target):
    chance, mqtt = random.Random(13), surface("MQTT: messages almost right")

    def many() -> None:
        for _ in range(BATCHES):
            found = [almost(chance) for _ in range(BATCH)]
            with mqtt.step(len(found)):
                fuzzed.publish(*found)

    mqtt.spend(BUDGET_S, lambda: (many(), fuzzed.check()))


METHODS = {
    "IngestService/PushFrames": ingest_pb2.PushFramesRequest,
    "IngestService/ReportEvents": ingest_pb2.ReportEventsRequest,
    "FrameService/SubscribeFrames": ingest_pb2.SubscribeFramesRequest,
    "SampleService/PushSamples": sample_pb2.PushSamplesRequest,
    "EdgeService/AttachEdge": edge_pb2.AttachEdgeRequest,
    **{
        f"{service.name}/{method.name}": getattr(model_pb2, method.input_type.name)
        for service in model_pb2.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    },
}
STREAMS = {"PushFrames", "ReportEvents", "PushSamples", "AttachEdge"}


def _message(draw: st.DrawFn, kind: type, depth: int = 0):
    """A protobuf message with random fields."""
    message = kind()
    for field in message.DESCRIPTOR.fields:
        if draw(st.booleans()) or depth > 3:
            continue
        try:
            if field.message_type is not None:
                if not field.is_repeated:
                    getattr(message, field.name).CopyFrom(_message(draw, type(getattr(message, field.name)), depth + 1))
            elif field.is_repeated:
                getattr(message, field.name).append(draw(_value(field.name)))
            else:
                setattr(message, field.name, draw(_value(field.name)))
        except (TypeError, ValueError, OverflowError):  # no value of this field's type
            continue
    return message


def _value(name: str) -> st.SearchStrategy:
    if name in ("site", "edge", "camera", "boot_id", "kind", "reason"):
        return IDS | st.sampled_from(["face", "b1"])
    return INTS | st.floats() | TEXTS | st.binary(max_size=50) | st.just(PICTURE)


CLIENT_ENDED = "Internal error from Core"  # gRPC's client says so of itself, where the server ended a stream that it wrote to


@pytest.mark.parametrize("method", METHODS)
def test_grpc_every_method(fuzzed: Target, method: str):
    async def call(raw: list[bytes]) -> None:
        channel = fuzzed.aggregator.channel
        path = f"/davy.v1.{method}"
        try:
            if method.partition("/")[2] in STREAMS:
                stream = channel.stream_stream(path, None, None)(iter(raw), timeout=2)
            else:
                stream = channel.unary_stream(path, None, None)(raw[0], timeout=0.3)
            async for _ in stream:
                pass
        except grpc.aio.AioRpcError as error:
            if error.details() != CLIENT_ENDED:
                assert error.code() not in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL), error.details()

    @settings(FUZZ, max_examples=8 if not BUDGET_S else EXAMPLES)
    @given(st.data())
    def case(data: st.DataObject) -> None:
        kind = METHODS[method]
        raw = [data.draw(st.binary(max_size=60)) if data.draw(st.integers(0, 4)) == 0 else _drawn(data, kind) for _ in range(2)]
        with calls.step(2 if method.partition("/")[2] in STREAMS else 1):
            fuzzed.run(call(raw))

    calls = surface(f"gRPC: {method}")
    calls.spend(BUDGET_S / len(METHODS), lambda: (case(), fuzzed.check()))


def _drawn(data: st.DataObject, kind: type) -> bytes:
    return _message(data.draw, kind).SerializeToString()


@schemathesis.serializer("application/sdp", "application/zip")
def _as_it_is(_context: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


def test_rest_every_route(fuzzed: Target):
    schema = schemathesis.openapi.from_url(f"{fuzzed.aggregator.http}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    broken: list[str] = []

    def fuzz(operation: schemathesis.APIOperation) -> None:
        @settings(FUZZ, max_examples=2 if not BUDGET_S else 20)
        @given(operation.as_strategy())
        def case(found: schemathesis.Case) -> None:
            if operation.path.endswith(("/stream", "/watch", "/live.mjpeg")):
                return  # they never end
            with requests.step():
                answer = found.call(base_url=fuzzed.aggregator.http, timeout=10)
            if answer.status_code >= 500 and answer.status_code != 503:
                broken.append(f"{answer.request.method} {answer.request.url}")

        case()

    requests = surface("REST: every route")
    requests.spend(BUDGET_S, lambda: ([fuzz(operation) for operation in operations], fuzzed.check()))
    assert broken == []


def test_stored_records_of_any_content_are_set_aside(tmp_path: Path):
    database = open_database(tmp_path / "db")

    @FUZZ
    @given(st.lists(WIRE | reports(), min_size=1, max_size=3), st.binary(max_size=2000))
    def case(bodies: list[bytes], damage: bytes) -> None:
        with records.step(len(bodies) + 2):
            store_and_read(bodies, damage)

    def store_and_read(bodies: list[bytes], damage: bytes) -> None:
        store, rollouts = ConfigStore(database), RolloutStore(database)
        texts = [body.decode("utf-8", "replace").replace("\0", "") for body in bodies]
        store.add("north", dict(enumerate(texts, 1)), above=0)
        rollouts.save("r", texts[0], {"north": texts[-1]})
        ConfigService(make_site(), store, lambda _: True, _ignore, lambda _: None, lambda *_: None)
        RolloutRecords(rollouts)
        for file, read in ((tmp_path / "active.json", _read_state), (tmp_path / "spool.db", _read_spool)):
            file.write_bytes(damage)
            read(tmp_path)
        for leftover in tmp_path.glob("spool.db*"):
            leftover.unlink()

    records = surface("stored records")
    records.spend(BUDGET_S, case)
    database.close()


async def _ignore(*_: object, **__: object) -> None:
    """Store no event."""


def _read_state(folder: Path) -> None:
    assert StateFile(folder, ConfigPointer()).pointer is not None


def _read_spool(folder: Path) -> None:
    spool = Spool(folder / "spool.db", "b1", 1_000_000)
    spool.add(ingest_pb2.Event(site="mine", edge="north", kind="test"))
    spool.close()


def _frame(data: bytes) -> object:
    facts = dict(FACTS)
    for pair in data.split(b";"):
        name, _, value = pair.partition(b"=")
        facts[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
    return read_frame(Message("davy/v1/mine/north/cam/belt/frame", PICTURE, properties=facts))


def _decoded(kind: type, read: Callable[[object], object]) -> Callable[[bytes], object]:
    def parse(data: bytes) -> object:
        with suppress(DecodeError):  # gRPC's own answer
            return read(kind.FromString(data))
        return None

    return parse


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("utf-8", "replace"))


ENVELOPE = frame_pb2.FrameEnvelope(
    meta=frame_pb2.FrameMeta(
        site="mine",
        edge="north",
        camera="belt",
        boot_id="b1",
        seq=1,
        captured_ns=1_700_000_000_000_000_000,
        width=320,
        height=180,
    ),
    jpeg=PICTURE[:200],
)
SMALL_SAMPLE = sample_pb2.Sample(
    site="mine", edge="north", boot_id="b1", seq=1, camera="belt", reason="novel", jpeg=PICTURE[:200]
)
READERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "topic": (b"davy/v1/mine/north/cam/belt/frame", _text(Topic.parse)),
    "user properties of a frame": (
        b"seq=7;captured_ns=1700000000000000000;width=320;height=180;strength=0.5;boot_id=b1",
        _frame,
    ),
    "frame": (ENVELOPE.SerializeToString(), _decoded(frame_pb2.FrameEnvelope, from_envelope)),
    "event": (EVENT.SerializeToString(), _decoded(ingest_pb2.Event, from_event)),
    "sample": (SMALL_SAMPLE.SerializeToString(), _decoded(sample_pb2.Sample, read_sample)),
    "status": (STATUS, lambda data: read_json_object("status", data)),
    "desired configuration": (DESIRED, DesiredConfig.parse),
    "reported configuration": (REPORTED, ReportedConfig.parse),
    "desired model": (b'{"epoch":3,"model":"%s","sha256":"%s","size":1000}' % (b"0" * 64, b"0" * 64), DesiredModel.parse),
    "reported model": (REPORTED, ReportedModel.parse),
    "camera address": (b"rtsp://user:secret@10.0.0.7:554/live?channel=1#x", _text(Source.parse)),
    "identity": (b"davy://demo/edge/west", _text(Identity.parse)),
    "enrolment token": (b"davy1." + b"A" * 43 + b"." + b"A" * 43, _text(Token.parse)),
}


@pytest.mark.parametrize("reader", READERS)
def test_what_comes_from_a_wire_is_read_or_refused(reader: str):
    """The readers alone, without sockets, by the hundred thousand. What they raise is Davy's refusal, which servers answer."""
    seed, read = READERS[reader]
    chance, others = random.Random(13), [each for each, _ in READERS.values()]
    inputs = surface(f"read: {reader}")

    def many() -> None:
        for _ in range(200 if not BUDGET_S else 2000):
            data = mutated(chance, seed, chance.choice(others))
            with inputs.step(), suppress(DavyError):
                read(data)

    inputs.spend(BUDGET_S / len(READERS), many)
