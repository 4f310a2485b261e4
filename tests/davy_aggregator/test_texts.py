"""What the aggregator says in English, and the messages by which a page says it in other languages."""

import ast
import re
from pathlib import Path

import pytest
from fluent.syntax import ast as fluent
from tests.adapters.http.test_words import ROOT, catalogue, nodes

from davy.analysis import illumination, lens, motion, people
from davy.analysis.places import conditions, engine
from davy.domain.alarm_rules import DEFAULT_RULES, OTHER

INSERTED = "|".join(
    (
        "a person is",
        "people are",
        "edge",
        "enhancer",
        "every edge",
        "the analysis",
        "behind",
        "ahead of",
        "its cameras send no frames",
        "the pool enhances with one less",
    )
)  # into a sentence, by an expression
SAMPLES = ("7", "a person is", "3 people are", "3 x car")  # how a sentence may begin


def text_of(message) -> str:
    return "".join(element.value for element in nodes(message, fluent.TextElement))


def forms() -> dict[str, re.Pattern[str]]:
    """The English sentences as patterns, as words.js reads them."""
    found = {}
    for key, message in catalogue("en").items():
        if key.startswith("said-"):
            parts = [
                re.escape(each.value) if isinstance(each, fluent.TextElement) else "(.+?)" for each in message.value.elements
            ]
            found[key] = re.compile(f"^{''.join(parts)}$")
    return found


def test_the_pages_have_the_texts_of_every_kind_of_alarm():
    english = catalogue("en")
    for kind, rule in {**DEFAULT_RULES, "other": OTHER}.items():
        for name in ("title", "consequence", "response"):
            key = f"alarm-{name}-{kind}"
            assert (text_of(english[key]) if key in english else "") == getattr(rule, name), key


def test_every_sentence_that_a_page_can_say_is_one_of_the_server():
    """A sentence that changes here must change in the catalogue."""
    sources = [*(ROOT / "services").glob("davy_*/**/*.py"), *(ROOT / "shared" / "davy" / "analysis").rglob("*.py")]
    services = "\n".join(path.read_text() for path in sources)
    written = re.sub(r'"\s*\n\s*f?"', "", services)
    for key, message in catalogue("en").items():
        if key.startswith("said-"):
            longest = max(nodes(message, fluent.TextElement), key=lambda each: len(each.value)).value.strip()
            parts = re.split(rf"\b(?:{INSERTED})\b", longest)
            assert all(part.strip(" ;:") in written for part in parts), key


def sentences(module) -> list[str]:
    """The strings of a module with a space in them, but for docstrings and errors; {...} is a sample."""
    tree = ast.parse(Path(module.__file__).read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr)
    }
    docstrings |= {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            found.append("".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | inside:
            found.append(node.value)
    return [each for each in found if " " in each and "ndarray" not in each]


@pytest.mark.parametrize("module", [illumination, lens, motion, people, conditions, engine])
def test_every_sentence_of_the_analysis_can_be_said_in_every_language(module):
    known = forms().values()
    for sentence in sentences(module):
        tried = [sentence.replace("{}", sample, 1).replace("{}", "x1") for sample in SAMPLES]
        parts_only = sentence in ("a person is", "{} people are", "{} x {}")  # beginnings of sentences
        assert parts_only or any(form.match(each) for form in known for each in tried), sentence
