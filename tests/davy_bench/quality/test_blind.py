import json

import numpy as np
import pytest

from davy_bench.datasets.cases import Case
from davy_bench.quality.blind import tally, write_blind

PICTURE = np.full((48, 64, 3), 40, np.uint8)
METHODS = {name: (lambda image, add=add: image + np.uint8(add)) for name, add in (("one", 0), ("two", 40), ("three", 80))}


def pages(out, seed=1):
    cases = [Case(f"frame {index}", "", lambda: (PICTURE, None)) for index in range(5)]
    write_blind(out, cases, METHODS, seed, lambda done, total: None)
    return json.loads((out / "key.json").read_text())


def test_every_page_shows_every_method_once_under_a_letter(tmp_path):
    key = pages(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.jpg")) == [f"{number:03}.jpg" for number in range(1, 6)]
    for letters in key.values():
        assert {letters[letter] for letter in "ABC"} == set(METHODS)
    assert {letters["picture"] for letters in key.values()} == {f"frame {index}" for index in range(5)}


def test_letters_change_from_page_to_page_and_stay_with_the_seed(tmp_path):
    key = pages(tmp_path / "a")
    assert len({tuple(letters[letter] for letter in "ABC") for letters in key.values()}) > 1
    assert pages(tmp_path / "b") == key
    assert pages(tmp_path / "c", seed=2) != key


def test_a_ranking_counts_how_often_each_method_is_first():
    key = {"001": {"A": "one", "B": "two"}, "002": {"A": "two", "B": "one"}, "003": {"A": "one", "B": "two"}}
    assert tally(key, {"001": "AB", "002": "AB"}) == {
        "one": {"first": 0.5, "rank": 1.5},
        "two": {"first": 0.5, "rank": 1.5},
    }


def test_a_letter_that_no_page_has_is_an_error():
    with pytest.raises(KeyError):
        tally({"001": {"A": "one"}}, {"001": "Z"})
