import pytest

from davy.adapters.storage.sample_spool import SampleSpool
from davy.domain.errors import ConfigError
from davy.v1 import sample_pb2


def sample(number: int = 1, size: int = 1000) -> sample_pb2.Sample:
    return sample_pb2.Sample(
        site="mine",
        edge="north",
        camera="face",
        captured_ns=number,
        reason="dark",
        model="ispcnn-1",
        figures={"value": 0.5},
        jpeg=b"\xff\xd8" + bytes(size),
    )


def test_a_sample_comes_back_as_it_was_after_a_restart(tmp_path):
    spool = SampleSpool(tmp_path / "samples.db", "b1", 2**20)
    spool.add(sample(7))
    spool.close()
    spool = SampleSpool(tmp_path / "samples.db", "b2", 2**20)
    spool.add(sample(8))
    (_, first), (_, second) = spool.pending()
    expected = sample(7)
    expected.boot_id, expected.seq = "b1", 1
    assert first == expected
    assert (second.boot_id, second.seq) == ("b2", 1)
    assert spool.acknowledge("b1", 1) == 1
    assert spool.waiting == 1
    spool.close()


def test_when_it_is_full_the_oldest_pictures_give_way(tmp_path):
    spool = SampleSpool(tmp_path / "samples.db", "b1", 2**20)
    for number in range(1, 21):
        spool.add(sample(number, 100_000))
    kept = [each.captured_ns for _, each in spool.pending(limit=100) if each.jpeg]
    assert kept == list(range(21 - len(kept), 21))
    assert spool.dropped == 20 - len(kept) > 0
    assert (tmp_path / "samples.db").stat().st_size <= 2**20
    spool.close()


def test_two_edges_cannot_share_one(tmp_path):
    spool = SampleSpool(tmp_path / "samples.db", "b1", 2**20)
    with pytest.raises(ConfigError, match="another edge"):
        SampleSpool(tmp_path / "samples.db", "b2", 2**20)
    spool.close()
