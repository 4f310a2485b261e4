"""URLs without their secrets, for logs, errors and birth messages."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

HIDDEN = "***"
_SECRET = re.compile(r"pass|pwd|token|key|secret|auth|user|login", re.IGNORECASE)


def redact(url: str) -> str:
    """Return url with user, password and secret-looking query values as `***`; any other text is returned unchanged."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.split("://")[0] + "://" + HIDDEN
    where = parts.netloc.rpartition("@")
    host = f"{HIDDEN}@{where[2]}" if where[1] else parts.netloc
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if not any(_SECRET.search(name) for name, _ in pairs):
        return urlunsplit(parts._replace(netloc=host))
    query = urlencode([(name, HIDDEN if _SECRET.search(name) else value) for name, value in pairs], safe="*")
    return urlunsplit(parts._replace(netloc=host, query=query))
