"""The table of inputs x paths in the docs is what happens."""

from pathlib import Path

import pytest
from tests.world import pictures, table, videos

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not (videos.FFMPEG and videos.FFPROBE), reason="ffmpeg makes and measures the videos of this test"),
]
PAGE = Path(__file__).parents[2] / table.PAGE
SOME = {
    "metadata.jpg",
    "orientation-7.png",
    "12-in-16-bit-colour.png",
    "alpha.png",
    "metadata.tif",
    "animated.webp",
    "cut.jpg",
    "g711.mkv",
    "mirrored.mp4",
    "hlg.mp4",
}


def test_the_page_has_a_row_for_every_input_and_explains_every_difference():
    text = PAGE.read_text(encoding="utf-8")
    names = [*(case.name for case in pictures.cases()), *(clip.name for clip in videos.CLIPS)]
    assert [name for name in names if f"| `{name}` |" not in text] == []
    assert "None" not in text
    assert all(f"\n{number}. " in text for number in range(1, len(table.EXPLANATIONS) + 1) if f"({number})" in text)


def test_some_inputs_look_on_every_path_as_the_page_says():
    measured = table.measure(SOME)
    assert table.unexplained(measured) == []
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [row for row in table.rows(measured) if row not in lines] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_input_looks_on_every_path_as_the_page_says():
    measured = table.measure()
    assert table.unexplained(measured) == []
    assert table.page(measured) == PAGE.read_text(encoding="utf-8")
