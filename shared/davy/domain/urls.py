"""Redact secrets of URLs for logs, errors and birth messages; percent-encode passwords in URLs."""

import re
from urllib.parse import quote

from davy.domain.errors import ConfigError

HIDDEN = "***"
_PATH_SECRET = re.compile(r"((?:pass\w*|pwd|psw|token|secret|user\w*|usr|login)=)[^&_/;]*", re.IGNORECASE)
_PATH_TOKEN = re.compile(r"(?<=/)(?=[^/]*\d)(?=[^/]*[A-Za-z])(?:[A-Za-z0-9]{16,}|[\w-]{24,})(?=/|$)")  # such as /Ab3...9/live
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>|]+")
_WITHOUT_SECRETS = ("simulator://", "mine://")  # they open nothing; their query is the seed of a picture
_START = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|localhost|[\w-]+(?:\.[\w-]+)+)(?::\d{1,5})?")  # an address, or a name with a dot
_ANY_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[\w.-]+)(?::\d{1,5})?")
_ENDS = re.compile(r"[/?#]")
_HAVE_HOST = frozenset(
    {
        "rtsp",
        "rtsps",
        "http",
        "https",
        "mqtt",
        "mqtts",
        "rtmp",
        "rtmps",
        "rtp",
        "udp",
        "srt",
        "ws",
        "wss",
        "redis",
        "rediss",
        "grpc",
        "grpcs",
    }
)


def redact(url: str) -> str:
    """Return url with user, password, the whole query and secrets of the path as `***`; any other text is returned unchanged.

    A password that holds `#`, `/`, `?` or `@` as they are is hidden whole: what stands before the last `@` goes where it may
    be one. No list of names says what a camera's query means, so all of it is hidden. In a path, values such as
    `password=...` go, and parts that look like a random token.
    """
    found = _START.fullmatch(url)
    if found is None or url.lower().startswith(_WITHOUT_SECRETS):
        return url
    scheme, rest = found.groups()
    login, where = _split_login(scheme, rest, safe=True)
    shown = f"{HIDDEN}@" if login is not None else ""
    if "[" in where and not _ANY_HOST.match(where):
        return f"{scheme}://{HIDDEN}"
    if scheme.lower() == "file":  # a name may hold ? and #
        return f"{scheme}://{shown}{where}"
    path, query = _cut(where)
    path = _PATH_TOKEN.sub(HIDDEN, _PATH_SECRET.sub(rf"\g<1>{HIDDEN}", path))
    return f"{scheme}://{shown}{path}{query}"


def redact_text(text: str) -> str:
    """Return a text with every URL in it redacted, such as a library's error or log line."""
    return _IN_TEXT.sub(lambda found: redact(found.group()), text) if "://" in text else text


def _cut(where: str) -> tuple[str, str]:
    """Host and path, and `?***` or `#***` in place of what follows them."""
    found = re.search(r"[?#]", where)
    if found is None or found.end() == len(where):
        return where, ""
    return where[: found.start()], f"{found.group()}{HIDDEN}"


def escape_login(url: str) -> str:
    """Return url with its user and password percent-encoded, so that every parser takes them as they were meant.

    Raises:
        ConfigError: `#`, `/` or `?` stand where both a password and a host may be meant; the text gives the correct form.
    """
    found = _START.fullmatch(url)
    if found is None or found.group(1).lower() not in _HAVE_HOST:
        return url
    scheme, rest = found.groups()
    login, where = _split_login(scheme, rest, safe=False)
    if login is None:
        return url
    user, colon, password = login.partition(":")
    return f"{scheme}://{_quoted(user)}{colon}{_quoted(password)}@{where}"


def _split_login(scheme: str, rest: str, safe: bool) -> tuple[str | None, str]:
    """User and password as written, and what follows their `@`; safe: hide rather too much than ask."""
    if scheme.lower() not in _HAVE_HOST and not safe:
        return None, rest
    first = _ENDS.split(rest, maxsplit=1)[0]
    login, at, host = first.rpartition("@")
    if _HOST.fullmatch(host) or (_ANY_HOST.fullmatch(host) and "@" not in rest[len(first) :]):
        return (login, rest[len(login) + 1 :]) if at else (None, rest)
    before, at, after = rest.rpartition("@")
    if not at:
        return None, rest
    if safe or not _ANY_HOST.fullmatch(host) or _HOST.fullmatch(_ENDS.split(after, maxsplit=1)[0]):
        return before, after
    odd = sorted({each for each in before if each in "#/?@"})
    advice = ", ".join(f"{each} as {quote(each, safe='')}" for each in odd)
    raise ConfigError(f"{redact(f'{scheme}://{rest}')}: its password ends at an unclear place: write {advice} in it")


def _quoted(text: str) -> str:
    """Percent-encode a text; existing escapes stay."""
    return quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text), safe="%!$&'()*+,;=~")
