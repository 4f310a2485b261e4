import pytest

from davy_bench.speed.coded_quality import measure_quality
from davy_simulator.places import PLACES

pytestmark = pytest.mark.system


def test_video_of_each_place_is_near_its_pictures_for_less_than_jpeg_takes():
    found = measure_quality(907, (321, 181), 10.0, lambda done, total: None)
    assert found.keys() == PLACES.keys()
    for each in found.values():
        assert each.psnr_db >= each.worst_db > 33
        assert 0 < each.mbit_s < each.jpeg_mbit_s
