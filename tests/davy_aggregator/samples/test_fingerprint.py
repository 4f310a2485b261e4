import pytest
from tests.fixtures.scenes import scene

from davy.adapters.media import jpeg
from davy.adapters.storage.sample_store import SIMILAR_BITS, SIMILAR_MEAN
from davy.domain.errors import UnreadableImageError
from davy.domain.sample import hash_distance
from davy_aggregator.samples.fingerprint import fingerprint_of


def test_a_scene_has_the_hash_of_itself_again_and_not_that_of_another():
    one, again, other = (
        fingerprint_of(jpeg.encode(image, quality)) for image, quality in ((scene(0), 95), (scene(0), 60), (scene(2), 95))
    )
    assert (one.width, one.height, len(one.dhash)) == (320, 240, 8)
    assert hash_distance(one.dhash, again.dhash) <= SIMILAR_BITS
    assert hash_distance(one.dhash, other.dhash) > 2 * SIMILAR_BITS


def test_a_failed_lamp_changes_the_mean_of_a_scene():
    assert fingerprint_of(jpeg.encode(scene(1))).mean - fingerprint_of(jpeg.encode(scene(1, 0.4))).mean > SIMILAR_MEAN


def test_a_damaged_picture_is_refused():
    with pytest.raises(UnreadableImageError):
        fingerprint_of(jpeg.encode(scene(1))[:500])
