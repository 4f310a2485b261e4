"""Well-lit photographs of installed packages: enough to try training without other data."""

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from davy.domain.errors import ConfigError

# Photographs of things and people, without microscopy, drawings and test charts. Terms: skimage/data/README.txt.
PHOTOGRAPHS = {
    "skimage.data": (
        "astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "brick.png", "grass.png",
        "gravel.png",
    ),
    "matplotlib.mpl-data.sample_data": ("grace_hopper.jpg",),
}  # fmt: skip


def copy_photographs(out: Path) -> Iterator[Path]:
    """Copy the photographs of installed packages to the folder out; yield each path.

    Raises:
        ConfigError: The installed packages contain none.
    """
    out.mkdir(parents=True, exist_ok=True)
    found = 0
    for package, names in PHOTOGRAPHS.items():
        top, *inside = package.split(".")
        for name in names:
            source = files(top).joinpath(*inside, name)
            if source.is_file():
                target = out / name
                with source.open("rb") as photograph, target.open("wb") as copy:
                    shutil.copyfileobj(photograph, copy)
                found += 1
                yield target
    if not found:
        raise ConfigError("the installed packages contain no photographs: set a folder of well-lit ones instead")
