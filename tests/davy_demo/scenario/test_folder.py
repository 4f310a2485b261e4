import pytest

from davy.domain.errors import ConfigError
from davy_demo.scenario.folder import MARK, make_empty


def test_a_new_folder_is_made_and_one_of_a_story_is_emptied(tmp_path):
    folder = tmp_path / "runs" / "story"
    make_empty(folder)
    (folder / "edge").mkdir()
    (folder / "edge" / "events.db").write_text("old")
    make_empty(folder)
    assert [path.name for path in folder.iterdir()] == [MARK]


def test_an_empty_folder_is_taken(tmp_path):
    make_empty(tmp_path)
    assert (tmp_path / MARK).is_file()


def test_foreign_files_stay(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(ConfigError, match="has files of other programs"):
        make_empty(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_another_file_by_the_name_of_the_mark_gives_no_right(tmp_path):
    (tmp_path / MARK).write_text("mine")
    with pytest.raises(ConfigError, match="files of other programs"):
        make_empty(tmp_path)
    assert (tmp_path / MARK).read_text() == "mine"


def test_links_are_removed_and_not_followed(tmp_path):
    other, folder = tmp_path / "other", tmp_path / "story"
    other.mkdir()
    (other / "thesis.txt").write_text("three years")
    make_empty(folder)
    (folder / "link").symlink_to(other, target_is_directory=True)
    make_empty(folder)
    assert (other / "thesis.txt").exists() and not (folder / "link").exists()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_path_that_is_no_folder_is_rejected(kind, tmp_path):
    path, other = tmp_path / "story", tmp_path / "other"
    other.mkdir()
    path.symlink_to(other) if kind == "link" else path.write_text("a file")
    with pytest.raises(ConfigError, match="no regular folder"):
        make_empty(path)
    assert list(other.iterdir()) == []
