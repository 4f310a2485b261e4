import pytest

from davy.domain.errors import InvalidInputError
from davy.domain.topics import EdgeTopics
from davy.edge_config import config_id, sign_config, to_plain
from davy.models.keys import KeySet
from davy.models.signing_key import SigningKey
from davy.site import EdgeConfig
from davy.twin.configuration import DesiredConfig
from davy_edge.config.validation import ConfigValidator

TOPICS = EdgeTopics("demo", "north")
RUNNING = EdgeConfig.model_validate({"cameras": {"face": {"source": "mine://face"}}})
KEY = SigningKey.generate()


def desired(cameras: dict | None = None, signature=None, **more) -> DesiredConfig:
    plain = {**to_plain(RUNNING), **({"cameras": cameras} if cameras is not None else {}), **more}
    return DesiredConfig(epoch=1, id=config_id(plain), config=plain, signature=signature)


def validate(order: DesiredConfig, trust=None) -> EdgeConfig:
    return ConfigValidator(TOPICS, ("http", "rtsp"), 3, trust).validate(order, RUNNING)


def refused(order: DesiredConfig, trust=None) -> str:
    with pytest.raises(InvalidInputError) as caught:
        validate(order, trust)
    return str(caught.value)


def test_a_valid_configuration_is_accepted():
    wanted = {"face": {"source": "mine://face", "strength": 0.5}, "shaft": {"source": "rtsp://10.1.0.7/stream"}}
    assert validate(desired(wanted)).cameras["face"].strength == 0.5


@pytest.mark.parametrize(
    ("cameras", "reason"),
    [
        ({"face": {"source": "mine://face", "fps": -1}}, "cameras.face.fps: Input should be greater than 0"),
        ({"face": {"source": "mine://face", "strengh": 1}}, "cameras.face.strengh: Extra inputs"),
        ({"face": {"source": "gopher://face"}}, "cameras.face.source: a source starts with one of"),
        ({"face": {"source": "usb://0"}}, "cameras.face.source: this edge does not support usb://"),
        ({f"c{n}": {"source": "http://a"} for n in range(4)}, "cameras: 4 cameras exceed the limit of 3"),
        ({}, "cameras: Dictionary should have at least 1 item"),
        ({"Face": {"source": "http://a"}}, "cameras.Face: String should match pattern"),
        ({"face": {"source": "mine://face", "timeout_s": "soon"}}, "cameras.face.timeout_s"),
    ],
)
def test_one_error_rejects_the_configuration_and_names_the_field(cameras, reason):
    assert reason in refused(desired(cameras))


def test_an_edge_does_not_turn_into_another_kind_while_it_runs():
    assert "site.yaml" in refused(desired(enhance="pool"))


def test_content_that_is_not_the_id_s_is_refused():
    order = desired()
    assert "does not match the id" in refused(order.model_copy(update={"id": "0" * 64}))


def test_with_a_key_set_only_configurations_signed_for_this_edge_are_accepted(tmp_path):
    trust = tmp_path / "trust.json"
    KeySet().with_key(KEY.trusted(30)).save(trust)
    plain = desired().config
    assert validate(desired(signature=sign_config(KEY, "demo", "north", plain)), trust) == RUNNING
    assert "no signature" in refused(desired(), trust)
    assert "did not sign this" in refused(desired(signature=sign_config(KEY, "demo", "south", plain)), trust)
    assert "did not sign this" in refused(desired(signature=KEY.sign(b"something else")), trust)
    stranger = SigningKey.generate()
    assert "not among the 1 trusted keys" in refused(desired(signature=sign_config(stranger, "demo", "north", plain)), trust)
    KeySet().with_key(KEY.trusted(-30)).save(trust)
    assert "was valid until" in refused(desired(signature=sign_config(KEY, "demo", "north", plain)), trust)
