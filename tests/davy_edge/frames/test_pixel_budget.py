import pytest

from davy.domain.errors import PixelBudgetError
from davy_edge.frames.pixel_budget import PixelBudget

HD, UHD, UHD8 = (1920, 1080), (3840, 2160), (7680, 4320)


@pytest.fixture
def told():
    return []


@pytest.fixture
def budget(told):
    return PixelBudget(40, lambda camera, error: told.append(camera))


def test_cameras_take_places_until_the_limit(budget, told):
    for number in range(4):
        budget.take(f"c{number}", *UHD)
        budget.take(f"c{number}", *UHD)  # every frame asks
    with pytest.raises(PixelBudgetError, match=r"3840x2160 exceed the 40 megapixels.*DAVY_EDGE_MAX_MEGAPIXELS"):
        budget.take("c4", *UHD)
    assert told == ["c4"]


def test_the_largest_camera_loses_its_place_to_smaller_ones_and_the_event_comes_once(budget, told):
    budget.take("hacked", *UHD8)
    for number in range(4):
        budget.take(f"c{number}", *HD)
    for _ in range(3):
        with pytest.raises(PixelBudgetError):
            budget.take("hacked", *UHD8)
    assert told == ["hacked"]
    for number in range(4):
        budget.take(f"c{number}", *HD)


def test_a_camera_over_the_limit_alone_takes_nothing_from_others(budget):
    budget.take("face", *UHD)
    with pytest.raises(PixelBudgetError):
        budget.take("hacked", 7000, 6000)
    budget.take("belt", *UHD)
    budget.take("face", *UHD)


def test_a_place_is_free_again_when_its_camera_goes_or_sends_smaller_pictures(budget, told):
    budget.take("a", *UHD8)
    with pytest.raises(PixelBudgetError):
        budget.take("b", *UHD8)
    budget.forget("a")
    budget.take("b", *UHD8)
    budget.take("b", *HD)
    budget.take("a", *UHD8)
    assert told == ["b"]
