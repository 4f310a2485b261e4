"""Content negotiation: the image format for a client, by `Accept` and its q-values."""

from collections.abc import Mapping

from davy.adapters.media.images import WEB_FORMATS, ImageFormat
from davy.domain.errors import NotAcceptableError

Preferences = Mapping[ImageFormat, float]
"""The client's q-value of each format, in (0, 1]; a rejected format is absent."""


def preferences_of(accept: str) -> Preferences:
    """Parse an `Accept` header; an empty one accepts every format.

    Raises:
        NotAcceptableError: it accepts none of JPEG, PNG and WebP.

    Source: RFC 9110, section 12.5.1.
    """
    ranges = [_parse(text) for text in (accept.strip() or "*/*").split(",") if text.strip()]
    q_values = {kind: _q_value(kind, ranges) for kind in WEB_FORMATS}
    wanted = {kind: q for kind, q in q_values.items() if q > 0}
    if not wanted:
        raise NotAcceptableError(accept, [kind.value for kind in WEB_FORMATS])
    return wanted


def choose(preferences: Preferences, own: ImageFormat) -> ImageFormat:
    """Return the format with the highest q-value; among equals the input's own, then JPEG, PNG, WebP."""
    best = max(preferences.values())
    if preferences.get(own) == best:
        return own
    return next(kind for kind in WEB_FORMATS if preferences.get(kind) == best)


def _parse(text: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip().lower() for piece in text.split(";"))
    q = next((value.removeprefix("q=") for value in parameters if value.startswith("q=")), "1")
    try:
        return media_range, min(max(float(q), 0.0), 1.0)
    except ValueError:
        return media_range, 1.0  # an invalid q-value is no reason to reject the request


def _q_value(kind: ImageFormat, ranges: list[tuple[str, float]]) -> float:
    """Return the q-value of the most specific matching range."""
    names = [kind.value, "image/*", "*/*"]
    if kind is ImageFormat.JPEG:
        names.insert(1, "image/jpg")  # unregistered, but common
    found = [(names.index(name), q) for name, q in ranges if name in names]
    return min(found)[1] if found else 0.0
