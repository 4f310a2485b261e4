"""Pages for a blind comparison: methods in random order under letters, and a key in a file."""

import json
import string
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from davy.domain.frame import BgrImage
from davy_bench.datasets.cases import Case
from davy_bench.methods.methods import Method
from davy_bench.quality.scores import ProgressCallback
from davy_bench.quality.sheet import cell, write_jpeg

CELL_WIDTH = 480  # px: a person at the edge of the light stays visible


def write_blind(
    out: Path, cases: Sequence[Case], methods: Mapping[str, Method], seed: int, progress: ProgressCallback
) -> list[Path]:
    """Write one JPEG per case, NUMBER.jpg, with the methods' pictures under letters, and key.json with their names.

    Args:
        out: Output folder.
        cases: Pictures; the files are in random order.
        methods: Compared methods by name.
        seed: Seed of order and letters.
        progress: Receives the number of finished and of all cases.

    Returns:
        The paths of the pages and of key.json.

    Raises:
        InvalidInputError: a picture cannot be read.
    """
    rng = np.random.default_rng(seed)
    paths, key = [], {}
    for number, case_index in enumerate(rng.permutation(len(cases)).tolist(), start=1):
        progress(number - 1, len(cases))
        raw, _ = cases[case_index].load()
        names = [list(methods)[index] for index in rng.permutation(len(methods)).tolist()]
        letters = dict(zip(string.ascii_uppercase, names, strict=False))
        paths.append(write_jpeg(out / f"{number:03}.jpg", _page(raw, {a: methods[name] for a, name in letters.items()})))
        key[f"{number:03}"] = {"picture": cases[case_index].name, **letters}
    progress(len(cases), len(cases))
    file = out / "key.json"
    file.write_text(json.dumps(key, indent=1) + "\n")
    return [*paths, file]


def tally(key: Mapping[str, Mapping[str, str]], ranks: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Summarise a person's ranking by method.

    Args:
        key: Content of key.json.
        ranks: Letters from the best to the worst by page, such as {"001": "CABD"}; pages may be missing.

    Returns:
        By method: first, the share of pages on which it is best, and rank, its mean rank.
    """
    places: dict[str, list[int]] = {}
    for page, letters in ranks.items():
        for place, letter in enumerate(letters, start=1):
            places.setdefault(key[page][letter], []).append(place)
    return {name: {"first": own.count(1) / len(own), "rank": float(np.mean(own))} for name, own in places.items()}


def _page(raw: BgrImage, methods: Mapping[str, Method]) -> BgrImage:
    cells = [cell(method(raw), letter, CELL_WIDTH) for letter, method in methods.items()]
    columns = 2 if len(cells) <= 4 else 3
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)])
