import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from davy_bench.methods.zero_dce import ITERATIONS, zero_dce_graph


def run(model, image):
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"image": image})[0]


def with_bias(tanh_of):
    """The graph whose curve map is one value everywhere: all weights 0, the last bias so that its tanh is tanh_of."""
    model = onnx.load_from_string(zero_dce_graph((24, 36)))
    for constant in model.graph.initializer:
        value = numpy_helper.to_array(constant)
        if value.dtype == np.float32 and value.ndim in (1, 4):
            new = np.full_like(value, np.arctanh(tanh_of) if value.shape == (3,) else 0)
            constant.CopyFrom(numpy_helper.from_array(new, constant.name))
    return model.SerializeToString()


def test_it_has_the_published_number_of_weights():
    constants = onnx.load_from_string(zero_dce_graph((480, 640))).graph.initializer
    assert sum(int(np.prod(each.dims)) for each in constants if len(each.dims) in (1, 4) and each.data_type == 1) == 10_561


def test_a_map_of_zero_leaves_every_byte():
    image = np.random.default_rng(1).integers(0, 256, (24, 36, 3), dtype=np.uint8)
    np.testing.assert_allclose(run(with_bias(0.0), image).astype(int), image, atol=1)


def test_the_curve_is_applied_eight_times():
    x = 0.2
    for _ in range(ITERATIONS):
        x = x - 0.3 * (x * x - x)
    found = run(with_bias(-0.3), np.full((24, 36, 3), 51, np.uint8))
    assert found == pytest.approx(255 * x, abs=1)


@pytest.mark.parametrize("shape", [(1080 // 9, 1920 // 9), (35, 53)])
def test_the_output_has_the_size_of_the_input(shape):
    assert run(zero_dce_graph(shape), np.zeros((*shape, 3), np.uint8)).shape == (*shape, 3)
