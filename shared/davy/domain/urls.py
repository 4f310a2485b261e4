"""Redact secrets of URLs for logs, errors and birth messages; percent-encode passwords in URLs."""

import re
from urllib.parse import parse_qsl, quote, urlencode

from davy.domain.errors import ConfigError

HIDDEN = "***"
_SECRET = re.compile(r"pass|pwd|psw|^pw$|token|key|secret|auth|user|usr|login|cred|sig|^p$", re.IGNORECASE)
_PATH_SECRET = re.compile(r"((?:pass\w*|pwd|psw|token|secret|user\w*|usr|login)=)[^&_/;]*", re.IGNORECASE)
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
    """Return url with user, password and secret-looking values as `***`; any other text is returned unchanged.

    A password that holds `#`, `/`, `?` or `@` as they are is hidden whole: what stands before the last `@` goes where it may
    be one.
    """
    found = _START.fullmatch(url)
    if found is None:
        return url
    scheme, rest = found.groups()
    login, where = _split_login(scheme, rest, safe=True)
    shown = f"{HIDDEN}@" if login is not None else ""
    if "[" in where and not _ANY_HOST.match(where):
        return f"{scheme}://{HIDDEN}"
    path, mark, query = where.partition("?")
    query, hash_mark, fragment = query.partition("#")
    pairs = parse_qsl(query, keep_blank_values=True)
    if any(_SECRET.search(name) for name, _ in pairs):
        query = urlencode([(name, HIDDEN if _SECRET.search(name) else value) for name, value in pairs], safe="*")
    path, query, fragment = (_PATH_SECRET.sub(rf"\g<1>{HIDDEN}", each) for each in (path, query, fragment))
    return f"{scheme}://{shown}{path}{mark}{query}{hash_mark}{fragment}"


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
