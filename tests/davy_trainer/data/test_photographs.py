import cv2
import numpy as np
import pytest

from davy.domain.errors import ConfigError, UnreadableImageError
from davy_trainer.data.photographs import find_pictures, is_picture, load_groups, read_bgr, read_depth, shrink_to


def load(settings):
    return load_groups(settings, lambda done, total: None)


def test_each_sub_folder_is_a_group_of_equal_weight(settings):
    groups = load(settings())
    assert [(g.name, len(g.pictures), g.weight) for g in groups] == [("cats", 2, 1.0), ("coffee", 1, 1.0)]


def test_weights_go_to_groups_by_name(settings):
    assert [g.weight for g in load(settings(group_weights={"cats": 0.25}))] == [0.25, 1.0]


def test_a_weight_for_no_group_names_the_groups(settings):
    with pytest.raises(ConfigError, match=r"group_weights name no group dogs; the groups are cats, coffee"):
        load(settings(group_weights={"dogs": 2.0}))


def test_pictures_in_the_folder_itself_are_a_group_of_its_name(settings, folder):
    assert [g.name for g in load(settings(data=(folder / "cats",)))] == ["cats"]


def test_unreadable_pictures_are_skipped_named_and_counted(settings, folder, capfd):
    (folder / "cats" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    (folder / "cats" / "empty.jpg").touch()
    (folder / "cats" / "notes.txt").write_text("no picture")
    cats = load(settings())[0]
    assert len(cats.pictures) == 2
    assert [path.name for path in cats.unreadable] == ["broken.png", "empty.jpg"]
    errors = capfd.readouterr().err
    assert "2 unreadable pictures left out: " in errors and "broken.png" in errors and "empty.jpg" in errors


def test_a_group_of_unreadable_pictures_is_left_out(settings, folder):
    (folder / "coffee" / "c.jpg").write_bytes(b"x")
    assert [group.name for group in load(settings())] == ["cats"]


def test_folders_without_a_usable_picture_are_refused_with_the_counts(settings, folder):
    for path in folder.rglob("*.*g"):
        path.write_bytes(b"x")
    with pytest.raises(ConfigError, match="no picture is usable: group cats: 2 unreadable, 0 not well lit; group coffee: 1 un"):
        load(settings())


def test_a_picture_whose_depth_map_is_broken_is_left_out(settings, folder):
    (folder / "cats" / "a.depth.png").write_bytes(b"x")
    cats = load(settings())[0]
    assert len(cats.pictures) == len(cats.depths) == 1
    assert [path.name for path in cats.unreadable] == ["a.png"]


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("size", [(16, 40), (15, 40), (300, 400)])
def test_a_quick_probe_agrees_with_reading(tmp_path, suffix, size):
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), np.full((*size, 3), 90, np.uint8))
    assert is_picture(path) == (min(size) >= 16)
    path.write_bytes(path.read_bytes()[:20])
    assert not is_picture(path)


def test_of_bracketed_exposures_only_the_well_lit_are_kept(settings, folder):
    (folder / "bracket").mkdir()
    for level in (20, 125, 240):
        cv2.imwrite(str(folder / "bracket" / f"{level}.png"), np.full((100, 150, 3), level, np.uint8))
    group = next(g for g in load(settings(bracketed=("bracket",))) if g.name == "bracket")
    assert (len(group.pictures), group.unlit) == (1, 2)
    assert group.pictures[0].mean() == 125


@pytest.mark.parametrize("make", [False, True])
def test_a_missing_or_empty_folder_is_an_error_with_its_name(tmp_path, make):
    folder = tmp_path / "nothing"
    if make:
        folder.mkdir()
    with pytest.raises(ConfigError, match="nothing"):
        find_pictures(folder)


def test_other_pixels_make_another_checksum(settings, folder):
    before = load(settings())[1].checksum
    cv2.imwrite(str(folder / "coffee" / "c.jpg"), np.full((100, 150, 3), 90, np.uint8))
    assert load(settings())[1].checksum != before


def test_grey_sixteen_bit_and_transparent_files_become_bgr_bytes(tmp_path):
    for name, array in (
        ("grey.png", np.full((20, 30), 80, np.uint8)),
        ("deep.png", np.full((20, 30, 3), 80 * 257, np.uint16)),
        ("alpha.png", np.full((20, 30, 4), 80, np.uint8)),
    ):
        cv2.imwrite(str(tmp_path / name), array)
        image = read_bgr(tmp_path / name)
        assert image.shape == (20, 30, 3) and image.dtype == np.uint8 and image.mean() == 80


def test_a_picture_too_small_is_unreadable(tmp_path):
    cv2.imwrite(str(tmp_path / "s.png"), np.zeros((15, 40, 3), np.uint8))
    with pytest.raises(UnreadableImageError, match="16 x 16"):
        read_bgr(tmp_path / "s.png")


def test_shrinking_keeps_the_aspect_and_never_enlarges():
    assert shrink_to(np.zeros((200, 400, 3), np.uint8), 100).shape == (100, 200, 3)
    assert shrink_to(np.zeros((50, 60, 3), np.uint8), 100).shape == (50, 60, 3)


def test_a_depth_map_beside_a_picture_belongs_to_it_and_is_no_picture(settings, folder):
    picture = next(iter(sorted((folder / "cats").iterdir())))
    cv2.imwrite(str(picture.with_name(picture.stem + ".depth.png")), np.full((90, 160), 2500, np.uint16))
    cats = load(settings())[0]
    assert len(cats.pictures) == 2
    assert cats.depths[0].shape == cats.pictures[0].shape[:2]
    assert cats.depths[0].mean() == pytest.approx(2.5) and cats.depths[1] is None


def test_a_depth_map_of_8_bits_is_an_error(tmp_path):
    cv2.imwrite(str(tmp_path / "a.depth.png"), np.full((90, 160), 250, np.uint8))
    with pytest.raises(UnreadableImageError, match="16 bits"):
        read_depth(tmp_path / "a.png", (90, 160))
