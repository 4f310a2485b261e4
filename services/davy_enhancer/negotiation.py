"""Which format a client takes, by `Accept` and its q-values."""

from collections.abc import Mapping

from davy.adapters.media.images import WEB_FORMATS, ImageFormat
from davy.domain.errors import NotAcceptableError

Preferences = Mapping[ImageFormat, float]
"""What each format is worth to the client, above 0 to 1; a format that it does not take is absent."""


def preferences_of(accept: str) -> Preferences:
    """Read an `Accept` header; an empty one takes everything.

    Raises:
        NotAcceptableError: it takes none of JPEG, PNG and WebP.

    Source: RFC 9110, section 12.5.1.
    """
    ranges = [_parse(part) for part in (accept.strip() or "*/*").split(",") if part.strip()]
    worth = {kind: _worth(kind, ranges) for kind in WEB_FORMATS}
    wanted = {kind: q for kind, q in worth.items() if q > 0}
    if not wanted:
        raise NotAcceptableError(accept, [kind.value for kind in WEB_FORMATS])
    return wanted


def choose(preferences: Preferences, own: ImageFormat) -> ImageFormat:
    """The format that is worth most; among equals the picture's own, then JPEG, PNG, WebP."""
    best = max(preferences.values())
    if preferences.get(own) == best:
        return own
    return next(kind for kind in WEB_FORMATS if preferences.get(kind) == best)


def _parse(part: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    q = next((value.removeprefix("q=") for value in parameters if value.startswith("q=")), "1")
    try:
        return media_range, min(max(float(q), 0.0), 1.0)
    except ValueError:
        return media_range, 1.0  # a broken q-value is no reason to refuse the picture


def _worth(kind: ImageFormat, ranges: list[tuple[str, float]]) -> float:
    """The q of the most specific range that fits."""
    names = [kind.value, "image/*", "*/*"]
    if kind is ImageFormat.JPEG:
        names.insert(1, "image/jpg")  # not registered, and often sent
    found = [(names.index(name), q) for name, q in ranges if name in names]
    return min(found)[1] if found else 0.0
