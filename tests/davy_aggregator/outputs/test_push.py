"""Publishing by RTMP and SRT, received by ffmpeg. RTSP is in test_rtsp.py."""

import asyncio
import shutil

import av
import pytest
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.davy_aggregator.outputs.test_rtsp import has_gstreamer
from tests.davy_aggregator.outputs.test_webrtc import pushing
from tests.fixtures.cameras import DEBIAN_PYTHON
from tests.fixtures.recorded_video import packets

from davy.adapters.media.publishing import Publication, check_publish_url
from davy.domain.errors import ConfigError, MediaServerUnavailableError
from davy.domain.secret_url import SecretUrl
from davy_aggregator.settings import RtspSettings

needs_gstreamer = pytest.mark.skipif(not has_gstreamer(), reason="apt install python3-gi gstreamer1.0-plugins-bad")


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
@pytest.mark.parametrize(
    ("url", "listen"),
    [
        ("rtmp://127.0.0.1:{port}/{{edge}}/{{camera}}", ("-listen", "1", "-i", "rtmp://127.0.0.1:{port}/north/face")),
        pytest.param(
            "srt://127.0.0.1:{port}?streamid={{edge}}/{{camera}}&passphrase=0123456789",
            ("-i", "srt://127.0.0.1:{port}?mode=listener&passphrase=0123456789"),
            marks=needs_gstreamer,
        ),
    ],
    ids=["rtmp", "srt"],
)
async def test_ffmpeg_receives_the_camera_again_after_its_restart(tmp_path, url, listen):
    port = pick_port()
    push = RtspSettings(push=SecretUrl(url.format(port=port)), python=DEBIAN_PYTHON)
    async with running(make_settings(tmp_path, rtsp=push), make_site()) as aggregator, pushing(aggregator):
        for number in range(2):
            file = tmp_path / f"{number}.ts"
            words = [word.format(port=port) for word in listen]
            process = await asyncio.create_subprocess_exec("ffmpeg", "-v", "error", *words, "-c", "copy", str(file))
            try:
                await until(lambda file=file: file.exists() and file.stat().st_size > 200_000, 30)
            finally:
                process.kill()
                await process.wait()
            with av.open(str(file)) as stream:
                assert len(list(stream.decode(video=0))) > 10


@needs_gstreamer
@pytest.mark.slow
@pytest.mark.system
def test_a_receiver_that_does_not_answer_is_a_clear_error_without_its_passphrase(monkeypatch):
    url = SecretUrl(f"srt://127.0.0.1:{pick_port()}?streamid={{edge}}/{{camera}}&passphrase=0123456789")
    with pytest.raises(MediaServerUnavailableError, match="no receiver answers") as caught:
        Publication(url, next(packets(1)), DEBIAN_PYTHON)
    assert "0123456789" not in str(caught.value)


def test_srt_without_gstreamer_is_refused_at_the_start():
    url = SecretUrl("srt://127.0.0.1:9?streamid={edge}/{camera}")
    with pytest.raises(ConfigError, match=r"gstreamer1\.0-plugins-bad"):
        check_publish_url(url, "/bin/false")
    with pytest.raises(ConfigError, match="/nowhere/python3"):
        check_publish_url(url, "/nowhere/python3")
