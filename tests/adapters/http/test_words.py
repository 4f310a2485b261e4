"""Messages of the pages: every language has each that a page names, and no other."""

import re
from pathlib import Path

import pytest
from fluent.syntax import FluentParser, ast

ROOT = Path(__file__).parents[3]
WEB = ROOT / "shared" / "davy" / "adapters" / "http" / "web" / "files"
PAGES = [WEB, *(ROOT / "services").glob("davy_*/static"), *(ROOT / "services").glob("davy_*/service/static")]
LANGUAGES = ("es", "pl", "ru", "zh")
PLURALS = {
    "en": {"one", "other"},
    "es": {"one", "other"},
    "pl": {"one", "few", "many", "other"},
    "ru": {"one", "few", "many", "other"},
}
WORDS = re.compile(r"[A-Za-z]{3,}")
SAME_EVERYWHERE = 40  # messages that a language may leave as they are: names, units, terms such as "Raw"


def catalogue(language: str) -> dict[str, ast.Message]:
    found = FluentParser().parse((WEB / "locales" / f"{language}.ftl").read_text(encoding="utf-8"))
    assert not [entry for entry in found.body if isinstance(entry, ast.Junk)], "a message that cannot be read"
    messages = [entry for entry in found.body if isinstance(entry, ast.Message)]
    assert len({message.id.name for message in messages}) == len(messages), "a message twice"
    return {message.id.name: message for message in messages}


def nodes(root, kind):
    """Every node of a kind below a node."""
    found = [root] if isinstance(root, kind) else []
    for value in vars(root).values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.BaseNode):
                found += nodes(each, kind)
    return found


def form(message: ast.Message) -> tuple[bool, set[str], set[str]]:
    """What a message consists of: whether it has a value, its attributes, its variables."""
    variables = {each.id.name for each in nodes(message, ast.VariableReference)}
    return message.value is not None, {each.id.name for each in message.attributes}, variables


def sources() -> str:
    files = [path for folder in PAGES for path in folder.rglob("*") if path.suffix in (".html", ".js")]
    files += (ROOT / "shared" / "davy" / "adapters" / "notify").glob("*.py")  # e-mails
    return "\n".join(path.read_text(encoding="utf-8") for path in files if "vendor" not in path.parts)


def quoted(text: str) -> set[str]:
    """Everything in quotes that may be the name of a message."""
    return set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)*)"', text))


def prefixes(text: str) -> set[str]:
    """The beginnings of messages whose end is a value of the server."""
    made = re.findall(r'(?:named|translated)\("([a-z-]+)"', text) + re.findall(r'startsWith\("([a-z]+)-"\)', text)
    composed = re.findall(r"\bt\(`([a-z-]+)-\$\{", text)
    return {found.rstrip("-") for found in [*made, *composed]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_messages_of_english(language):
    english, other = catalogue("en"), catalogue(language)
    assert set(english) - set(other) == set(), "missing"
    assert set(other) - set(english) == set(), "unknown"
    assert {key for key in english if form(english[key]) != form(other[key])} == set(), "another form"


@pytest.mark.parametrize("language", LANGUAGES)
def test_few_messages_are_left_in_english(language):
    def texts(message):
        return "".join(element.value for element in nodes(message, ast.TextElement))

    english, other = catalogue("en"), catalogue(language)
    same = [key for key in english if WORDS.search(texts(english[key])) and texts(english[key]) == texts(other[key])]
    assert len(same) <= SAME_EVERYWHERE, same


@pytest.mark.parametrize("language", PLURALS)
def test_plurals_have_the_forms_of_their_language(language):
    for key, message in catalogue(language).items():
        for select in nodes(message, ast.SelectExpression):
            forms = {each.key.name for each in select.variants if isinstance(each.key, ast.Identifier)}
            assert forms == PLURALS[language], key


def test_pages_name_no_message_that_does_not_exist():
    text = sources()
    known = catalogue("en")
    assert {key for key in re.findall(r'data-t="([a-z0-9-]+)"', text) if key not in known} == set()
    calls = set(re.findall(r'\bt\("([a-z0-9-]+)"', text))
    assert calls - set(known) == set()


def test_no_message_is_unused():
    text = sources()
    used, beginnings = quoted(text), prefixes(text)
    unused = {key for key in catalogue("en") if key not in used and not any(key.startswith(f"{each}-") for each in beginnings)}
    assert unused == set()
