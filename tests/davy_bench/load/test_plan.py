import pytest

from davy_bench.load.plan import LoadPlan, shares


def test_processes_share_all_edges_and_viewers():
    plan = LoadPlan(edges=7, viewers=5)
    parts = list(shares(plan, 3))
    assert sorted(name for part in parts for _, name in part.edges) == sorted(plan.edge_names())
    assert sorted(number for part in parts for number in part.viewers) == list(range(5))
    assert max(len(part.edges) for part in parts) - min(len(part.edges) for part in parts) <= 1


def test_neighbouring_viewers_show_different_cameras_unless_all_show_the_same():
    plan = LoadPlan(edges=4, cameras=4, tiles=5)
    assert not set(plan.shown(0)) & set(plan.shown(1))
    assert len(plan.shown(3)) == 5  # begins again at the first camera
    same = LoadPlan(edges=4, cameras=4, tiles=5, same=True)
    assert same.shown(0) == same.shown(3)


@pytest.mark.parametrize(("tiles", "fps", "shown"), [(4, 25, 25), (16, 25, 10), (17, 25, 5), (16, 1, 1)])
def test_a_window_asks_for_the_rates_of_the_console(tiles, fps, shown):
    assert LoadPlan(tiles=tiles, fps=fps).shown_fps == shown
