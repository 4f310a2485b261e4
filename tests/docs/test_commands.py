"""The commands of README, tutorials and how-to pages do what they say: they are run against one simulated mine."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.docs.commands import SKIPPED, Command, commands
from tests.docs.conftest import Demo, environment

COMMANDS = list(commands())
LIMIT_S = 100


def runnable(command: Command, demo: Demo) -> str:
    """The command with the demo's real addresses, and short where it would run long."""
    text = re.sub(r"(?<=:)(\d{4,5})(?=[/ ']|$)", lambda found: demo.ports.get(found[1], found[1]), command.text)
    text = re.sub(r"^mosquitto_sub ", "mosquitto_sub -W 30 ", text)
    if "Subscribe" in text:
        text = f"timeout --preserve-status 5 {text} | head -c 1"
    if "davy demo" in text:
        text = re.sub(r" --seconds \d+", "", text).replace("davy demo", "davy demo --seconds 3")
        text = f"rm .davy; {text}"  # its own data, not the other demo's
    if "davy init" in text:
        text = f"rm site.yaml; {text}"
    if "davy identity" in text and "identity init" not in text:
        text = f"rm -rf authority identities west.tar; davy identity init demo; davy identity issue edge/west; {text}"
    if "passphrase" in text or "offline/trust.json" in text:  # a file of the reader's; the key of the line before
        text = f"echo lamp > passphrase; davy keys new --folder offline; {text}"
    return text


@pytest.mark.system
@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_of_the_documents_succeeds(command: Command, request: pytest.FixtureRequest):
    if command.skipped:
        pytest.skip(command.skipped)
    demo: Demo = request.getfixturevalue("demo")
    workspace: Path = request.getfixturevalue("workspace")
    tools: Path = request.getfixturevalue("tools")
    more = {"PATH": f"{tools}:{os.environ['PATH']}"}
    if command.text.startswith("davy edges"):
        more["DAVY_CONSOLE"] = f"http://127.0.0.1:{demo.ports['8080']}"
    if command.text.startswith("davy alarms"):
        more["DAVY_AGGREGATOR"] = f"grpc://127.0.0.1:{demo.ports['50051']}"
    if command.text.startswith(("davy models", "davy keys")):  # as the line before says: export DAVY_REGISTRY=... DAVY_KEYS=...
        more |= {"DAVY_REGISTRY": ".davy/models", "DAVY_KEYS": ".davy/keys"}
    shell = ["bash", "-o", "pipefail", "-c", f". .davy/access.env; {runnable(command, demo)}"]
    done = subprocess.run(shell, cwd=workspace, env=environment(**more), capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_most_commands_that_need_no_minutes_are_run():
    assert sum(not command.skipped for command in COMMANDS) >= 30


def test_no_reason_to_skip_is_left_without_a_command():
    unused = [pattern for pattern in SKIPPED if not any(re.search(pattern, command.text) for command in COMMANDS)]
    assert unused == []
