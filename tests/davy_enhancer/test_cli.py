"""`davy enhancer`, as a process."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

DAVY = [sys.executable, "-m", "davy", "enhancer", "--insecure"]


@pytest.mark.system
def test_it_serves_until_a_signal(tmp_path: Path):
    process = subprocess.Popen([*DAVY, "--port", "0", "--grpc-port", "0"], stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stderr is not None
    line = next(line for line in process.stderr if "enhancer.ready" in line)
    port = int(re.search(r'"http_port": (\d+)', line)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=10)[1]
    assert process.returncode == 0
    assert "enhancer.stopped" in rest
    assert "Traceback" not in rest


@pytest.mark.system
def test_a_port_in_use_ends_it_with_a_sentence(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [*DAVY, "--port", port, "--grpc-port", "0"], capture_output=True, text=True, cwd=tmp_path, timeout=20
        )
    assert ended.returncode == 1
    assert f"davy enhancer: cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.system
@pytest.mark.parametrize(
    ("arguments", "environment", "answer"),
    [
        (["--config", "absent.yaml"], {}, "absent.yaml: cannot be read"),
        ([], {"DAVY_ENHANCER_QUEUE": "none"}, "DAVY_ENHANCER_QUEUE: Input should be a valid integer"),
        (["--port", "70000"], {}, "--port"),
    ],
)
def test_wrong_settings_are_named(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], answer: str, monkeypatch: pytest.MonkeyPatch
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ended = subprocess.run([*DAVY, *arguments], capture_output=True, text=True, cwd=tmp_path, timeout=20)
    assert ended.returncode == 2
    assert answer in ended.stderr


@pytest.mark.system
def test_it_needs_no_torch_and_no_opencv():
    probe = "import sys, davy_enhancer.cli, davy_enhancer.enhance_cli; print({'torch', 'cv2'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout == "set()\n"
