"""What the tests of the edge share."""

from pathlib import Path

import pytest
from tests.fixtures.cameras import picture

from davy.adapters.media import jpeg


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    """A folder of three dark pictures, as a camera's URL."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(jpeg.encode(picture(30 + 10 * number), 95))
    return f"file://{folder}"
