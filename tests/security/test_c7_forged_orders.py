"""C7: a forged order used up an edge's epochs, so that it could never be configured again."""

import pytest
from tests.davy_edge.config.test_manager import configured
from tests.fixtures.cameras import picture
from tests.fixtures.configs import TOPICS, plain_of, report_of
from tests.fixtures.edges import until

from davy.adapters.media import jpeg
from davy.adapters.mqtt.bus import connect
from davy.domain.ports import Message
from davy.edge_config import config_id, sign_config
from davy.models.keys import KeySet
from davy.models.signing_key import SigningKey
from davy.twin.configuration import ConfigState, DesiredConfig
from davy.twin.protocol import MAX_EPOCH, MAX_EPOCH_STEP


@pytest.fixture
def own(tmp_path) -> dict:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "0.jpg").write_bytes(jpeg.encode(picture(30), 95))
    return {"face": {"source": f"file://{folder}", "fps": 5, "max_age_ms": 5000}}


def order(epoch: int, cameras: dict, key: SigningKey | None = None) -> Message:
    plain = plain_of(cameras)
    signature = sign_config(key, "demo", "north", plain) if key else None
    desired = DesiredConfig(epoch=epoch, id=config_id(plain), config=plain, signature=signature)
    return Message(TOPICS.desired_config, desired.to_bytes(), 1, retain=True)


async def test_c7_an_unsigned_order_changes_nothing_not_even_the_epoch(mosquitto, own, tmp_path):
    key, trust = SigningKey.generate(), tmp_path / "trust.json"
    KeySet().with_key(key.trusted(30)).save(trust)
    async with (
        configured(mosquitto, own, tmp_path / "data", config_trust=trust) as (_running, received, _),
        connect(mosquitto.endpoint, "forger") as bus,
    ):
        await until(lambda: bus.connected)
        await bus.publish(order(MAX_EPOCH_STEP, own))
        await until(lambda: report_of(received).refused_epoch == MAX_EPOCH_STEP)
        assert "signature" in report_of(received).refused_reason
        assert (report_of(received).epoch, report_of(received).state) == (0, ConfigState.WAITING)
        await bus.publish(order(1, {"face": {**own["face"], "strength": 0.5}}, key))
        await until(lambda: (report_of(received).epoch, report_of(received).state) == (1, ConfigState.APPLIED))


async def test_c7_an_order_far_ahead_is_refused_and_the_next_one_is_obeyed(mosquitto, own, tmp_path):
    async with (
        configured(mosquitto, own, tmp_path / "data") as (_running, received, _),
        connect(mosquitto.endpoint, "forger") as bus,
    ):
        await until(lambda: bus.connected)
        await bus.publish(order(MAX_EPOCH, own))
        await until(lambda: report_of(received).refused_epoch == MAX_EPOCH)
        await bus.publish(order(1, {"face": {**own["face"], "strength": 0.5}}))
        await until(lambda: (report_of(received).epoch, report_of(received).state) == (1, ConfigState.APPLIED))
