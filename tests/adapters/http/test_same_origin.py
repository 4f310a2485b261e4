import pytest
from starlette.requests import HTTPConnection

from davy.adapters.http.same_origin import is_same_origin


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),  # a program
        ("http://mine.local:8080", True),
        ("https://mine.local:8080", True),  # behind a proxy that ends TLS
        ("http://mine.local", False),
        ("http://evil.example", False),
        ("http://mine.local:8080.evil.example", False),
        ("null", False),  # a sandboxed frame, a file
    ],
)
def test_only_programs_and_pages_of_the_service_itself_pass(origin: str | None, allowed: bool):
    headers = [(b"host", b"mine.local:8080")] + ([(b"origin", origin.encode())] if origin else [])
    assert is_same_origin(HTTPConnection({"type": "http", "headers": headers})) is allowed
