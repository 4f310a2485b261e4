"""Enhance every picture of a folder with the library.

python examples/enhance_folder.py dark/ light/ --strength 0.8       # needs `pip install .` only
"""

import argparse
from pathlib import Path

import davy

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--strength", type=float, default=1.0, help="0 leaves pictures as they are, 1 is the whole effect")
    options = parser.parse_args()
    enhancer = davy.Enhancer(strength=options.strength)  # loads the network once; threads may share it
    for path in sorted(found for found in options.source.rglob("*") if found.suffix.lower() in PICTURES):
        target = options.target / path.relative_to(options.source)
        try:
            enhancer.enhance_file(path, target, overwrite=True)
        except davy.InvalidInputError as error:
            print(f"{path}: {error}")
        else:
            print(f"{path} -> {target}")


if __name__ == "__main__":
    main()
