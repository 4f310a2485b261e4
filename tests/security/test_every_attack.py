"""Every attack of the audit has a test whose name begins with its number; attacks that have a name of their own, by that."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
ATTACKS = range(1, 44)
NAMES = {2: "c1", 3: "c2", 4: "c3", 5: "c4", 6: "c5", 7: "c6", 8: "c7"}
CODES = re.compile(r"test_((?:[acf]\d{1,2}_)+)")


def codes_of_tests() -> Iterator[str]:
    """The codes at the beginning of the names of all tests, such as a17 of test_a17_streams."""
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (found := CODES.match(node.name)):
                yield from found[1].rstrip("_").split("_")


@pytest.fixture(scope="module")
def codes() -> frozenset[str]:
    return frozenset(codes_of_tests())


@pytest.mark.parametrize("number", ATTACKS)
def test_every_attack_has_a_test(codes: frozenset[str], number: int):
    assert {f"a{number:02}", NAMES.get(number)} & codes, f"no test begins with test_a{number:02}_"


def test_no_test_names_an_attack_that_there_is_not(codes: frozenset[str]):
    known = {f"a{number:02}" for number in ATTACKS}
    assert {code for code in codes if code.startswith("a")} <= known
