"""Passwords as people write them into URLs: never shown, and taken as meant."""

from urllib.parse import unquote, urlsplit

import pytest

from davy.domain.errors import ConfigError
from davy.domain.urls import escape_login, redact

PASSWORDS = [
    "s3#cret",
    "s3/cret",
    "s3?cret",
    "s3@cret",
    "s3[cret",
    "s3]cret",
    "12/s3cret",
    "s3:c/r#e?t@1",
    "s3 cret",
    "s3%cret",
    "#s3cret",
]


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "http", "https", "mqtt", "redis", "grpc"])
@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_is_taken_as_meant_and_never_shown(password, scheme):
    url = f"{scheme}://admin:{password}@10.0.0.7:554/stream?channel=1"
    assert redact(url) == f"{scheme}://***@10.0.0.7:554/stream?***"
    parts = urlsplit(escape_login(url))
    assert (parts.username, unquote(parts.password), parts.hostname, parts.port) == ("admin", password, "10.0.0.7", 554)
    assert (parts.path, parts.query) == ("/stream", "channel=1")
    assert escape_login(escape_login(url)) == escape_login(url)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://10.0.0.7:554/user@place/1",
        "rtsp://camera:554/1",
        "http://cam.site.example/a?mail=b@c.example",
        "rtsp://[fe80::1]:554/1",
        "file:///videos/a@b.mp4",
        "usb://0",
    ],
)
def test_a_url_without_a_password_stays_as_it_is(url):
    assert escape_login(url) == url


def test_an_unclear_end_of_the_password_says_what_to_escape():
    with pytest.raises(ConfigError, match="write / as %2F") as caught:
        escape_login("rtsp://admin:12/s3cret@camera/1")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://10.0.0.7/user=admin_password=s3cret_channel=1_stream=0.sdp",
        "rtsp://10.0.0.7/user=admin&password=s3cret&channel=1&stream=0.sdp?real_stream",
        "http://10.0.0.7/cgi?usr=admin&psw=s3cret",
        "http://10.0.0.7/cgi?p=s3cret",
        "rtsp://a:s3cret@[broken/",
        "rtsp://a:s3cret@[broken",
        "rtsp://admin:12/s3cret@camera/1",
        "RTSP://admin:s3cret@10.0.0.7/",
        "ftp://admin:x#s3cret@10.0.0.7/",
    ],
)
def test_no_dialect_shows_a_password(url):
    assert "s3cret" not in redact(url)
    assert redact(redact(url)) == redact(url)
