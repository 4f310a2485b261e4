"""The messages of the pages, for what the server itself writes to people: e-mail in the site's language."""

import re
from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from typing import Any

CATALOGUES = files("davy.adapters.http.web").joinpath("files", "locales")


class Words:
    """The messages of one language; English stands in for one that is missing. They are read at the first use.

    Args:
        language: en, es, pl, ru or zh.
    """

    def __init__(self, language: str = "en") -> None:
        self.language = language

    def t(self, key: str, **values: object) -> str:
        """Return a message with its variables; the key itself if there is none."""
        for bundle in self._bundles:
            if bundle.has_message(key) and (pattern := bundle.get_message(key).value) is not None:
                return str(bundle.format_pattern(pattern, values)[0])
        return key

    def translated(self, prefix: str, kind: str, text: str) -> str:
        """Return an English text of a kind of alarm in this language; a text that the site has set itself stays."""
        for key in (f"{prefix}-{kind}", f"{prefix}-other"):
            if self._english.t(key) == text:
                return self.t(key)
        return text

    def said(self, text: str) -> str:
        """Return a sentence of the server in this language, as words.js does; other text as it is."""
        if self.language == "en":
            return text
        for key, form in self._sayings:
            if found := form.match(text):
                return self.t(key, **found.groupdict())
        return text

    @cached_property
    def _english(self) -> "Words":
        return self if self.language == "en" else Words()

    @cached_property
    def _bundles(self) -> list[Any]:
        from fluent.runtime import FluentBundle, FluentResource  # its data of languages takes a moment

        bundles = []
        for name in dict.fromkeys((self.language, "en")):
            bundle = FluentBundle([name], use_isolating=False)
            bundle.add_resource(FluentResource(CATALOGUES.joinpath(f"{name}.ftl").read_text(encoding="utf-8")))
            bundles.append(bundle)
        return bundles

    @cached_property
    def _sayings(self) -> list[tuple[str, re.Pattern[str]]]:
        """The English sentences as patterns, those with the most words first."""
        from fluent.syntax import FluentParser, ast

        body = FluentParser().parse(CATALOGUES.joinpath("en.ftl").read_text(encoding="utf-8")).body
        found: dict[str, list[Any]] = {
            each.id.name: each.value.elements
            for each in body
            if isinstance(each, ast.Message) and each.value is not None and each.id.name.startswith("said-")
        }
        patterns = {key: [_part(element) for element in elements] for key, elements in found.items()}
        literals = {key: sum(len(e.value) for e in elements if hasattr(e, "value")) for key, elements in found.items()}
        return [(key, re.compile("".join(patterns[key]) + r"\Z")) for key in sorted(found, key=lambda key: -literals[key])]


def _part(element: Any) -> str:  # noqa: ANN401  # Fluent's syntax tree has no types
    return re.escape(element.value) if hasattr(element, "value") else f"(?P<{element.expression.id.name}>.+?)"


def in_language(message: Mapping[str, object], words: Words) -> dict[str, object]:
    """Return the message of an alarm, as davy.adapters.notify.base has it, with its texts in a language."""
    kind = str(message.get("kind", ""))
    names = ("title", "consequence", "response")
    texts = {name: words.translated(f"alarm-{name}", kind, str(message.get(name, ""))) for name in names}
    return {**message, **texts, "message": words.said(str(message["message"]))}
