"""HTTP cameras as they are: odd multipart dialects, single pictures, logins."""

import base64
import io
import time
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from tests.fixtures.cameras import jpeg_of, levels_of, picture, seconds
from tests.fixtures.web_camera import header, web_camera

from davy.adapters.camera import open_source
from davy.adapters.media import planes
from davy.domain.errors import CameraError, CameraStalledError, CameraUnavailableError
from davy.domain.ports import SourceOptions

pytestmark = pytest.mark.system

OPTIONS = SourceOptions(fps=50, timeout_s=2)
MULTIPART = "multipart/x-mixed-replace; boundary=frame"


def png_of(number: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture(20 + 8 * (number % 25))).save(out, "PNG")
    return out.getvalue()


def with_thumbnail(number: int) -> bytes:
    """A JPEG with a whole JPEG in its EXIF segment, as cameras write it."""
    small, whole = jpeg_of(24 - number % 25), jpeg_of(number)
    body = b"Exif\0\0" + small
    return whole[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + whole[2:]


def length(data: bytes, add: int = 0) -> bytes:
    return b"Content-Length: %d\r\n" % (len(data) + add)


# what stands before each picture, and behind it
DIALECTS = {
    "image_jpg": (MULTIPART, lambda d: b"--frame\r\nContent-Type: image/jpg\r\n" + length(d) + b"\r\n", b"\r\n"),
    "untyped": (MULTIPART, lambda d: b"--frame\r\n" + length(d) + b"\r\n", b"\r\n"),
    "no_header_at_all": (MULTIPART, lambda d: b"--frame\r\n\r\n", b"\r\n"),
    "no_length": (MULTIPART, lambda d: b"--frame\r\nContent-Type: image/jpeg\r\n\r\n", b"\r\n"),
    "newlines_alone": (MULTIPART, lambda d: b"--frame\nContent-type: image/jpeg\n\n", b"\n"),
    "boundary_with_dashes": (
        "multipart/x-mixed-replace;boundary=--frame",
        lambda d: b"--frame\r\n" + length(d) + b"\r\n",
        b"\r\n",
    ),
    "quoted_boundary": (
        'multipart/x-mixed-replace; boundary="frame"',
        lambda d: b"--frame\r\nContent-Type: image/jpeg\r\n\r\n",
        b"\r\n",
    ),
    "boundary_untold": ("multipart/x-mixed-replace", lambda d: b"--other\r\n" + length(d) + b"\r\n", b"\r\n"),
    "length_too_small": (MULTIPART, lambda d: b"--frame\r\n" + length(d, -50) + b"\r\n", b"\r\n"),
    "length_too_large": (MULTIPART, lambda d: b"--frame\r\n" + length(d, 20) + b"\r\n", b"\r\n"),
    "mixed": ("multipart/mixed; boundary=frame", lambda d: b"--frame\r\nContent-Type: IMAGE/JPEG\r\n\r\n", b"\r\n\r\n"),
    "motion_jpeg": ("video/x-motion-jpeg", lambda d: b"", b""),
    "octets": ("application/octet-stream", lambda d: b"", b""),
    "no_type": ("", lambda d: b"--frame\r\nContent-Type: image/jpeg\r\n\r\n", b"\r\n"),
    "image_that_never_ends": ("image/jpeg", lambda d: b"", b""),
}


def streaming(kind, before, after, content=jpeg_of, first=b"", fps=30):
    def answer(request, stop):
        header(request, kind)
        request.wfile.write(first)
        number = 0
        while not stop.wait(1 / fps):
            data = content(number)
            request.wfile.write((before(data) if number or not first else b"") + data + after)
            number += 1

    return answer


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_multipart_dialect_gives_its_pictures_in_order(dialect):
    with web_camera(streaming(*DIALECTS[dialect])) as url:
        source = open_source(url, OPTIONS)
        levels = levels_of(source, 8)
        source.close()
    steps = [(after - before) % 25 for before, after in pairwise(levels[1:])]
    assert all(0 < step < 12 for step in steps), levels  # a loaded machine skips old pictures; none comes twice or late
    assert source.damaged == 0


@pytest.mark.parametrize("content", [png_of, with_thumbnail])
@pytest.mark.parametrize("dialect", ["untyped", "no_length"])
def test_png_parts_and_thumbnails_are_taken_whole(dialect, content):
    with web_camera(streaming(*DIALECTS[dialect], content)) as url:
        source = open_source(url, OPTIONS)
        levels = levels_of(source, 6)
        source.close()
    assert levels[1:] == [(levels[1] + n) % 25 for n in range(5)]


def test_the_first_part_needs_no_boundary():
    kind, before, after = DIALECTS["no_length"]
    with web_camera(streaming(kind, before, after, first=b"Content-Type: image/jpeg\r\n\r\n")) as url:
        source = open_source(url, OPTIONS)
        assert levels_of(source, 3) == [0, 1, 2]
        source.close()


@pytest.mark.alone
def test_a_picture_is_shown_before_the_next_one_comes():
    with web_camera(streaming(*DIALECTS["no_length"], fps=2)) as url:
        source = open_source(url, OPTIONS)
        began = time.monotonic()
        assert levels_of(source, 1) == [0]
        assert time.monotonic() - began < 0.8  # the first comes after 0.5 s, the second after 1 s
        source.close()


def test_cut_parts_without_a_length_are_counted_and_their_neighbours_are_whole():
    kind, before, after = DIALECTS["no_length"]
    cut = lambda n: jpeg_of(n)[:300] if n % 5 == 2 else jpeg_of(n)  # noqa: E731
    with web_camera(streaming(kind, before, after, cut, fps=50)) as url:
        source = open_source(url, OPTIONS)
        levels = levels_of(source, 16)
        source.close()
    assert source.damaged >= 3
    assert not any(level % 5 == 2 for level in levels)


def test_bytes_that_trickle_are_a_stall():
    def answer(request, stop):
        header(request, MULTIPART)
        request.wfile.write(b"--frame\r\n\r\n" + jpeg_of(1) + b"\r\n--frame\r\n\r\n" + jpeg_of(2)[:200])
        while not stop.wait(0.1):
            request.wfile.write(b"\0")

    with web_camera(answer) as url:
        source = open_source(url, SourceOptions(fps=50, timeout_s=0.8))
        with pytest.raises(CameraStalledError):
            levels_of(source, 3)
        source.close()


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize(("content", "kind"), [(jpeg_of, "image/jpeg"), (png_of, "image/png"), (jpeg_of, "")])
@pytest.mark.alone
def test_a_snapshot_is_asked_for_fps_times_a_second(content, kind, with_length):
    count = [0]

    def answer(request, stop):
        data = content(count[0])
        header(request, kind, **({"Content_Length": str(len(data))} if with_length else {}))
        request.wfile.write(data)
        count[0] += 1

    with web_camera(answer) as url:
        source = open_source(url, SourceOptions(fps=10, timeout_s=2))
        levels = levels_of(source, 1)
        took_s = seconds(lambda: levels.extend(levels_of(source, 5)))
        source.close()
    assert levels == list(range(1, 7))  # the first told what it is
    assert 0.35 < took_s < 0.8


def test_a_snapshot_that_fails_once_is_asked_for_again():
    count = [0]

    def answer(request, stop):
        count[0] += 1
        if count[0] % 3 == 0:
            request.send_error(503)
            return
        data = jpeg_of(5)
        header(request, "image/jpeg", Content_Length=str(len(data)))
        request.wfile.write(data[:100] if count[0] % 3 == 1 and count[0] > 1 else data)

    with web_camera(answer) as url:
        source = open_source(url, SourceOptions(fps=20, timeout_s=1))
        assert levels_of(source, 4) == [5] * 4
        source.close()


@pytest.mark.alone
def test_a_snapshot_that_is_gone_is_unavailable_in_time():
    count = [0]

    def answer(request, stop):
        count[0] += 1
        if count[0] > 2:
            request.send_error(404)
            return
        header(request, "image/jpeg", Content_Length=str(len(jpeg_of(5))))
        request.wfile.write(jpeg_of(5))

    with web_camera(answer) as url:
        source = open_source(url, SourceOptions(fps=10, timeout_s=0.5))
        levels_of(source, 1)
        began = time.monotonic()
        with pytest.raises(CameraUnavailableError, match="404"):
            source.read()
        assert time.monotonic() - began < 1.5
        source.close()


def test_a_login_page_is_no_camera():
    def answer(request, stop):
        header(request, "text/html; charset=utf-8")
        request.wfile.write(b"<html>log in</html>")

    with web_camera(answer) as url, pytest.raises(CameraUnavailableError, match="web page"):
        open_source(url, OPTIONS)


def logging_in(challenge, tries):
    def answer(request, stop):
        given = request.headers.get("Authorization", "")
        tries.append(given)
        right = "Basic " + base64.b64encode(b"ad min:p@ss/#?:%").decode()
        if given != right and not (given.startswith("Digest ") and 'username="ad min"' in given):
            request.send_response(401)
            request.send_header("WWW-Authenticate", challenge)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        header(request, "image/jpeg", Content_Length=str(len(jpeg_of(3))))
        request.wfile.write(jpeg_of(3))

    return answer


@pytest.mark.parametrize("challenge", ['Basic realm="cam"', 'Digest realm="cam", qop="auth", nonce="abc"'])
def test_the_user_and_the_password_of_the_url_log_in(challenge):
    tries = []
    with web_camera(logging_in(challenge, tries)) as url:
        source = open_source(url.replace("://", "://ad%20min:p%40ss%2F%23%3F%3A%25@"), OPTIONS)
        assert levels_of(source, 1) == [3]
        source.close()


@pytest.mark.parametrize("challenge", ['Basic realm="cam"', 'Digest realm="cam", qop="auth", nonce="abc"'])
def test_a_wrong_password_is_tried_once_and_not_shown(challenge):
    tries = []
    with web_camera(logging_in(challenge, tries)) as url, pytest.raises(CameraError) as caught:
        open_source(url.replace("://", "://other:s3cret@"), OPTIONS)
    assert "401" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert len([each for each in tries if each]) <= 1


def test_odd_pictures_never_end_a_camera_silently():
    """Random bytes between pictures: every whole picture is shown."""
    noise = np.random.default_rng(3)

    def before(_data):
        return b"--frame\r\n\r\n" if noise.random() < 0.5 else noise.bytes(40).replace(b"\xff", b"") + b"\r\n"

    with web_camera(streaming(MULTIPART, before, b"\r\n")) as url:
        source = open_source(url, OPTIONS)
        levels = [round((float(planes.bgr_of(source.read().pixels).mean()) - 20) / 8) for _ in range(10)]
        source.close()
    assert levels[1:] == [(levels[1] + n) % 25 for n in range(9)]


@pytest.mark.parametrize("password", ["p@ss/#?:%", "p%40ss%2F%23%3F%3A%25"])
def test_a_password_is_taken_as_it_is_written(password):
    with web_camera(logging_in('Basic realm="cam"', [])) as url:
        source = open_source(url.replace("://", f"://ad min:{password}@"), OPTIONS)
        assert levels_of(source, 1) == [3]
        source.close()
