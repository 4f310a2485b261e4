import pytest

from davy.domain.errors import InvalidInputError
from davy.edge_config import config_id, read_config, to_plain
from davy.site import EdgeConfig
from davy.twin.configuration import DesiredConfig, ReportedConfig

CONFIG = EdgeConfig.model_validate({"cameras": {"face": {"source": "mine://face"}}})


def test_a_configuration_comes_back_from_the_wire_with_the_same_id():
    plain = to_plain(CONFIG)
    desired = DesiredConfig.parse(DesiredConfig(epoch=1, id=config_id(plain), config=plain).to_bytes())
    assert read_config(desired.config) == CONFIG
    assert config_id(desired.config) == desired.id


def test_the_id_does_not_hang_on_the_order_of_fields_but_on_every_value():
    plain = to_plain(CONFIG)
    assert config_id(dict(reversed(plain.items()))) == config_id(plain)
    assert config_id({**plain, "enhance": "pool"}) != config_id(plain)


def test_more_that_a_newer_davy_says_is_passed_over():
    assert ReportedConfig.parse(b'{"epoch": 3, "mood": "fine"}').epoch == 3


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"epoch": -1}', b'{"state": "lost"}', b" " * 300_000])
def test_what_is_no_report_is_refused(payload):
    with pytest.raises(InvalidInputError):
        ReportedConfig.parse(payload)


def test_a_number_that_json_does_not_have_is_refused():
    with pytest.raises(InvalidInputError, match="canonical"):
        config_id({"cameras": {"face": {"timeout_s": float("inf")}}})


def test_no_message_is_larger_than_its_limit():
    with pytest.raises(InvalidInputError, match="257 of them"):
        read_config({"cameras": {f"c{n}": {"source": "mine://face"} for n in range(257)}})
