import pytest

from davy.domain.errors import ConfigError
from davy_bench.load.figures import Figures
from davy_bench.load.plan import LoadPlan
from davy_bench.load.run import LoadResult
from davy_bench.load.sites import addresses_of, site_names, site_plans, sites_table

NAMES = ["load-1", "load-2"]


def test_one_site_keeps_its_name_and_several_are_numbered():
    assert site_names("mine", 1) == ["mine"]
    assert site_names("mine", 2) == ["mine-1", "mine-2"]


def test_a_flood_multiplies_the_rate_of_one_site():
    plans = site_plans(LoadPlan(fps=2), 2, ["load-2=10"])
    assert [(plan.site, plan.fps) for plan in plans] == [("load-1", 2), ("load-2", 20)]


@pytest.mark.parametrize("flood", ["load-3=10", "load-1", "load-1=", "load-1=much", "load-1=0", "load-1=inf", "load-1=nan"])
def test_a_flood_of_no_site_or_without_a_factor_is_refused(flood):
    with pytest.raises(ConfigError, match="SITE=FACTOR"):
        site_plans(LoadPlan(), 2, [flood])


def test_addresses_are_given_to_their_sites_by_name_or_by_a_place_in_them():
    assert addresses_of(["load-1=grpc://a:1", "load-2=grpc://b:1", "load-1=grpc://c:1"], "load-1", NAMES) == [
        "grpc://a:1",
        "grpc://c:1",
    ]
    assert addresses_of(["grpcs://{site}.example:1"], "load-2", NAMES) == ["grpcs://load-2.example:1"]
    assert addresses_of(["grpc://a:1"], "load", ["load"]) == ["grpc://a:1"]


@pytest.mark.parametrize("address", ["grpc://a:1", "load-3=grpc://a:1"])
def test_an_address_of_no_site_is_refused(address):
    with pytest.raises(ConfigError, match="site"):
        addresses_of([address], "load-1", NAMES)


def test_a_site_whose_generator_is_late_is_named():
    calm, late = Figures(span_s=1.0, cpu_s=[0.1]), Figures(span_s=1.0, cpu_s=[0.1], late_s=[0.5] * 100)
    parts = zip(site_plans(LoadPlan(edges=1, viewers=0), 2), (calm, late), strict=True)
    lines = sites_table([LoadResult(plan, figures, 1, ()) for plan, figures in parts])
    assert "load of load-2:" in lines[-1]
