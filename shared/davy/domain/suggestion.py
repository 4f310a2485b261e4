"""Suggest what a mistyped name may mean."""

from collections.abc import Collection
from difflib import get_close_matches


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return "; did you mean 'north'?" for the known name that resembles a word most, or "" where none does."""
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
