"""Nothing that Davy loads phones home."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import json, os, sys, time
import numpy as np
from davy.imaging.runtime import StillEnhancer

still, opened, ends = StillEnhancer(None), set(), time.monotonic() + 3
while time.monotonic() < ends:
    still.enhance(np.zeros((64, 64, 3), np.uint8), 1.0)
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            opened.add(os.readlink(f"/proc/self/fd/{descriptor}"))
        except OSError:
            pass
print(json.dumps(sorted(opened)))
"""


@pytest.mark.system
def test_the_runtime_opens_no_socket_and_keeps_nothing_in_the_home_directory(tmp_path: Path):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ORT_", "XDG_"))}
    command = [sys.executable, "-c", PROBE]
    done = subprocess.run(command, env=environment | {"HOME": str(tmp_path)}, capture_output=True, text=True, check=True)
    opened = json.loads(done.stdout)
    assert [name for name in opened if name.startswith("socket:") or str(tmp_path) in name] == []
    assert list(tmp_path.iterdir()) == []
