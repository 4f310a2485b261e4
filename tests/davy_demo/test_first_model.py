from davy.adapters.storage.model_registry import ModelRegistry
from davy.imaging.runtime import StillEnhancer
from davy.models.keyring import TRUST
from davy_demo.first_model import first_model


def test_the_first_start_makes_a_key_and_registers_the_shipped_model_and_the_second_leaves_both(tmp_path):
    url, keys = f"file://{tmp_path}/models", tmp_path / "keys"
    for _ in range(2):
        first_model(url, keys)
        registry = ModelRegistry(url, keys / TRUST)
        (entry,) = registry.entries()
        assert entry.tags == ("shipped",)
        assert entry.frame_id == StillEnhancer().model
        assert registry.open(entry).load().model == entry.frame_id
        assert len(list(keys.glob("*.pem"))) == 1
