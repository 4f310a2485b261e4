import cv2
import numpy as np

from davy.analysis.places.pixels import ZoneWatch
from davy.analysis.tracks import Track
from davy.place_rules import Zone

WHOLE = Zone(name="z", polygon=((0, 0), (1, 0), (1, 1), (0, 1)))
ROCK = np.asarray(cv2.GaussianBlur(np.random.default_rng(1).uniform(20, 220, (90, 160)).astype(np.float32), (5, 5), 0))


def watch(pictures, tracks=()):
    zone = ZoneWatch([WHOLE])
    return [zone.update(picture, tracks, float(k)) for k, picture in enumerate(pictures)][-1]["z"]


def test_a_still_picture_has_no_motion_and_its_usual_contrast():
    found = watch([ROCK] * 30)
    assert found.known and found.motion == 0 and abs(found.contrast - 1) < 0.01 and found.changed == 0


def test_a_moving_belt_has_motion():
    assert watch([np.roll(ROCK, 3 * k, axis=1) for k in range(5)]).motion > 0.02


def test_smoke_lowers_the_contrast():
    assert watch([ROCK] * 30 + [0.4 * ROCK + 100] * 3).contrast < 0.5


def test_something_that_is_put_down_and_stays_has_changed_a_share_of_the_zone():
    with_box = ROCK.copy()
    with_box[40:60, 60:90] = 240
    share = 20 * 30 / ROCK.size
    assert 0.5 * share < watch([ROCK] * 30 + [with_box] * 3).changed <= 1.2 * share


def test_what_a_person_hides_is_left_out():
    with_person = ROCK.copy()
    with_person[20:60, 60:80] = 240
    track = Track(1, "person", (60 / 160, 20 / 90, 80 / 160, 60 / 90), 0.9, 0.0, True)
    zone = ZoneWatch([WHOLE])
    for k in range(30):
        zone.update(ROCK, (), float(k))
    found = zone.update(with_person, [track], 30.0)["z"]
    assert found.motion < 0.005 and found.changed < 0.01


def test_a_lamp_that_dims_leaves_nothing_behind():
    assert watch([ROCK] * 30 + [ROCK * 0.6] * 5).changed < 0.05
