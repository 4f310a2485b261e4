"""A38, A39: configurations and files with odd values, and texts that would forge lines of the log."""

import json
import logging
import resource
import subprocess
import sys
import time

import pytest
import structlog
from tests.davy_edge.config.test_manager import configured
from tests.fixtures.cameras import picture
from tests.fixtures.configs import report_of, seqs
from tests.fixtures.edges import until

from davy.adapters.media import jpeg
from davy.telemetry import configure_logging
from davy.twin.configuration import ConfigState

pytestmark = pytest.mark.system

GOOD = "http://127.0.0.1:9/camera"
ODD = {
    "NUL in the label": {"source": GOOD, "label": "a\0b"},
    "port 99999": {"source": "http://127.0.0.1:99999/"},
    "timeout 1e308": {"source": GOOD, "timeout_s": 1e308},
    "timeout 1e-308": {"source": GOOD, "timeout_s": 1e-308},
    "fps 1e-308": {"source": GOOD, "fps": 1e-308},
    "fps 121": {"source": GOOD, "fps": 121},
    "1x1": {"source": "own", "width": 1, "height": 1},
    "7680x4320": {"source": "own", "width": 7680, "height": 4320},
    "width alone": {"source": "own", "width": 7},
    "max_age 2^53 - 1": {"source": GOOD, "max_age_ms": 2**53 - 1},
    "strength 1e-320": {"source": "own", "strength": 1e-320},
    "/dev/zero": {"source": "file:///dev/zero"},
    "/proc/self/mem": {"source": "file:///proc/self/mem"},
    "a folder of folders": {"source": "file:///"},
    "a label of 200 surrogate pairs": {"source": GOOD, "label": "\U0001f4a3" * 200},
}


async def test_a38_no_configuration_ends_an_edge_or_stops_its_other_camera(mosquitto, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.jpg").write_bytes(jpeg.encode(picture(30), 95))
    own = {"face": {"source": f"file://{tmp_path}/pictures", "fps": 5, "max_age_ms": 10_000}}
    async with configured(mosquitto, own, tmp_path / "data") as (running, received, publish):
        for epoch, (name, odd) in enumerate(ODD.items(), 1):
            source = own["face"]["source"] if odd["source"] == "own" else odd["source"]
            await publish(epoch, {**own, "odd": {**odd, "source": source}})
            assert report_of(received).state in (ConfigState.APPLIED, ConfigState.REJECTED), name
            assert not running.task.done(), name
        before = len(seqs(received, "face"))
        await until(lambda: len(seqs(received, "face")) > before + 2, 20)


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9))
    + "site: demo\nedges: *j\n",
    "a cycle": "site: demo\nedges: &e {north: *e}\n",
    "merged keys": "site: demo\nedges:\n  a: &a {cameras: {c: {source: 'http://a/'}}}\n  b: {<<: [*a, *a]}\n  c: 3\n",
    "depth": "site: demo\nedges: " + "[" * 3000 + "]" * 3000 + "\n",
    "objects": "site: !!python/object/apply:os.system ['touch pwned']\n",
    "numbers": "site: demo\nedges: {a: {cameras: {c: {source: 'http://10.0.0.1/', fps: " + "9" * 5000 + "}}}}\n",
    "controls": 'site: "demo\\x1b[31m\\r\\nforged"\nedges: {}\n',
}


@pytest.mark.parametrize("name", BOMBS)
def test_a39_a_file_that_grows_or_runs_is_refused_in_seconds_and_little_memory(tmp_path, name):
    path = tmp_path / "site.yaml"
    path.write_text(BOMBS[name])
    began_s = time.monotonic()
    words = [sys.executable, "-m", "davy", "config", "check", str(path)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, preexec_fn=_limit)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert "\x1b[31m" not in done.stderr
    assert time.monotonic() - began_s < 30
    assert not (tmp_path / "pwned").exists()


def _limit() -> None:
    """A fifth of what the bomb would take."""
    resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, 3_000_000_000))


@pytest.mark.parametrize("style", ["json", "console"])
def test_a39_a_text_forges_no_line_of_the_log(style, capsys):
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging(style)
        structlog.get_logger("davy.test").warning(
            "frame.refused", error='a\r\n{"event": "forged"}\x1b[31m\u2028b', name="\x9b31m"
        )
        lines = capsys.readouterr().err.splitlines()
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)
    assert len(lines) == 1
    assert not {"\x1b", "\x9b", "\r"} & set(lines[0])
    if style == "json":
        assert json.loads(lines[0])["event"] == "frame.refused"
