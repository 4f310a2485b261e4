import pytest

from davy.domain.camera import CameraAddress
from davy.domain.errors import InvalidIdError

FACE = CameraAddress("demo", "north", "face-1")


def test_an_address_reads_back_what_it_prints():
    assert CameraAddress.parse(str(FACE)) == FACE


@pytest.mark.parametrize("text", ["demo/north/face-1", "north/face-1", "north.face-1"])
def test_within_a_site_every_form_of_0_1_0_is_the_same_address(text):
    assert CameraAddress.parse(text, "demo") == FACE
    assert CameraAddress.parse(FACE.key, "demo") == FACE


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("north.face", ""),
        ("north/face", ""),
        ("", "demo"),
        ("face", "demo"),
        ("a.b.c", "demo"),
        ("a/b.c", "demo"),
        ("a/b/c/d", ""),
    ],
)
def test_another_form_is_refused(text, site):
    with pytest.raises(InvalidIdError):
        CameraAddress.parse(text, site)


@pytest.mark.parametrize("bad", ["", "Face", "a/b", "a.b", "+", "#", "x" * 65, "grüße"])
def test_an_id_outside_the_alphabet_is_refused(bad):
    with pytest.raises(InvalidIdError, match="use 1 to 64 of a-z, 0-9 and '-'"):
        CameraAddress("demo", "north", bad)
