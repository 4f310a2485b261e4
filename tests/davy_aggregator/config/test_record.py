from davy.edge_config import config_id, to_plain
from davy.site import EdgeConfig
from davy_aggregator.config.record import ConfigRecord, differences

CONFIG = EdgeConfig.model_validate({"cameras": {"face": {"source": "mine://face"}}})


def test_the_file_s_own_configuration_is_epoch_0():
    record = ConfigRecord.of_file("north", CONFIG)
    assert (record.epoch, record.id, record.config) == (0, config_id(to_plain(CONFIG)), to_plain(CONFIG))


def test_differences_name_the_field_and_both_values():
    old = {"cameras": {"face": {"fps": 10, "strength": 1.0}, "belt": {"fps": 5}}}
    new = {"cameras": {"face": {"fps": 10, "strength": 0.5}, "shaft": {"fps": 5}}}
    assert list(differences(new, old)) == [
        ("cameras.face.strength", 0.5, 1.0),
        ("cameras.shaft", {"fps": 5}, None),
        ("cameras.belt", None, {"fps": 5}),
    ]
    assert list(differences(new, new)) == []
