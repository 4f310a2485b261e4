import pytest

from davy.domain.errors import ConfigError
from davy_bench.load.model import Load, load_of, predict, table
from davy_bench.load.plan import LoadPlan

PRICES = {"aggregator": 0.05, "camera": 0.0001, "frame": 0.0004, "tile": 0.0003, "size": 0.001, "event": 0.0008}


def measured(**changes):
    units = load_of(LoadPlan(**changes)).units
    return Load(units, sum(PRICES[name] * units[name] for name in PRICES))


LOADS = [
    measured(edges=200, fps=1, viewers=0),
    measured(edges=40, fps=5, viewers=0),
    measured(edges=10, fps=2, viewers=1),
    measured(edges=40, fps=5, viewers=10),
    measured(edges=40, fps=5, viewers=10, same=True),
    measured(edges=40, fps=5, viewers=0, events=200),
    measured(edges=100, fps=2, viewers=5, events=20),
    measured(edges=60, fps=4, viewers=20, same=True, events=50),
]


def test_prices_are_found_again_and_predict_a_larger_load():
    plan = LoadPlan(edges=2000, fps=5, viewers=50, events=100)
    found = predict(plan, LOADS)
    assert found.prices_ms == pytest.approx({name: 1000 * price for name, price in PRICES.items()}, rel=1e-3)
    work = sum(PRICES[name] * load_of(plan).units[name] for name in PRICES) - 0.05
    assert found.aggregators == -(-work // 0.65)
    assert found.total == pytest.approx(work + 0.05 * found.aggregators, rel=1e-3)
    assert max(map(abs, found.errors)) < 1e-3
    assert any("aggregators" in line for line in table(plan, found))


def test_windows_that_show_the_same_cameras_share_the_scaled_pictures():
    apart, same = load_of(LoadPlan(viewers=10)), load_of(LoadPlan(viewers=10, same=True))
    assert apart.units["size"] == 160 and same.units["size"] == 16
    assert apart.units["tile"] == same.units["tile"] == 160


def test_too_few_measured_loads_are_refused():
    with pytest.raises(ConfigError, match="at least 4"):
        predict(LoadPlan(), LOADS[:3])
