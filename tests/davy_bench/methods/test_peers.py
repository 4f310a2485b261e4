import numpy as np
import pytest

from davy_bench.methods import baselines, peers

IMAGE = np.random.default_rng(3).integers(0, 90, (60, 96, 3), dtype=np.uint8)
SHAPE = (60, 96)


def test_a_copy_is_the_same_bytes_elsewhere():
    found = peers.copy(SHAPE)(IMAGE)
    assert np.array_equal(found, IMAGE)
    assert not np.shares_memory(found, IMAGE)


def test_clahe_into_buffers_is_the_clahe_of_the_quality_baselines():
    run = peers.clahe_lab(SHAPE)
    run(IMAGE[::-1].copy())
    assert np.array_equal(run(IMAGE), baselines.clahe(IMAGE))


def test_the_lookup_table_is_the_gamma_of_the_quality_baselines():
    assert np.array_equal(peers.lookup_table(SHAPE)(IMAGE), baselines.gamma(IMAGE))


def test_both_engines_give_the_same_picture():
    if not peers.has_openvino():
        pytest.skip("needs OpenVINO (pip install 'davy[bench]')")
    one, other = peers.zero_dce_onnxruntime(SHAPE, 1)(IMAGE), peers.zero_dce_openvino(SHAPE, 1)(IMAGE)
    np.testing.assert_allclose(one.astype(int), other, atol=2)
