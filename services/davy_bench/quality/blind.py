"""A sheet on which nobody can tell whose picture is whose: methods in random order under letters, and a key in a file."""

import json
import string
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from davy.domain.frame import BgrImage
from davy_bench.datasets.cases import Case
from davy_bench.methods.methods import Method
from davy_bench.quality.scores import Tick
from davy_bench.quality.sheet import cell, write_jpeg

CELL_WIDTH = 480  # px: a person at the edge of the light is still seen


def write_blind(out: Path, cases: Sequence[Case], methods: Mapping[str, Method], seed: int, tick: Tick) -> list[Path]:
    """Write one JPEG per case, NUMBER.jpg, with the methods' pictures under letters, and key.json that says which is whose.

    Args:
        out: Folder.
        cases: Pictures; the order of the files says nothing about them.
        methods: What is compared.
        seed: Decides order and letters.
        tick: Told how many of how many are done.

    Raises:
        InvalidInputError: a picture cannot be read.
    """
    rng = np.random.default_rng(seed)
    paths, key = [], {}
    for number, index in enumerate(rng.permutation(len(cases)).tolist(), start=1):
        tick(number - 1, len(cases))
        raw, _ = cases[index].load()
        names = [list(methods)[place] for place in rng.permutation(len(methods)).tolist()]
        letters = dict(zip(string.ascii_uppercase, names, strict=False))
        paths.append(write_jpeg(out / f"{number:03}.jpg", _page(raw, {a: methods[name] for a, name in letters.items()})))
        key[f"{number:03}"] = {"picture": cases[index].name, **letters}
    tick(len(cases), len(cases))
    file = out / "key.json"
    file.write_text(json.dumps(key, indent=1) + "\n")
    return [*paths, file]


def tally(key: Mapping[str, Mapping[str, str]], ranks: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """What a person's ranking says of each method.

    Args:
        key: As key.json holds it.
        ranks: Letters from the best to the worst by number of page, as {"001": "CABD"}; pages may be missing.

    Returns:
        first (share of the pages) and rank (mean, 1 is best) by method.
    """
    places: dict[str, list[int]] = {}
    for page, letters in ranks.items():
        for place, letter in enumerate(letters, start=1):
            places.setdefault(key[page][letter], []).append(place)
    return {name: {"first": found.count(1) / len(found), "rank": float(np.mean(found))} for name, found in places.items()}


def _page(raw: BgrImage, methods: Mapping[str, Method]) -> BgrImage:
    cells = [cell(method(raw), letter, CELL_WIDTH) for letter, method in methods.items()]
    columns = 2 if len(cells) <= 4 else 3
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)])
