"""Davy's own programs as processes, each with a port of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from davy.site import SiteConfig


@dataclass
class Program:
    """`davy WORDS` as a child process; `kill` and `start` again keep its words and variables."""

    words: list[str]
    process: "subprocess.Popen[bytes] | None" = None
    variables: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DAVY_")}
        environment = clean | {"DAVY_ANALYSIS_ENABLED": "false"} | self.variables
        self.process = subprocess.Popen([sys.executable, "-m", "davy", *self.words], stderr=subprocess.DEVNULL, env=environment)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Stop it, as a machine that hangs does."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


@contextmanager
def program(folder: Path, site: SiteConfig, *words: str, variables: Mapping[str, str] | None = None) -> Iterator[Program]:
    """A program on this site, its data in a folder of its own, with further environment variables."""
    config = folder / "site.yaml"
    config.write_text(yaml.safe_dump(json.loads(site.model_dump_json(exclude_defaults=True))))
    insecure = ["--insecure"] if words[0] == "aggregator" else []
    found = Program(
        [words[0], "--config", str(config), "--data", str(folder / words[0]), *insecure, *words[1:]], None, variables or {}
    )
    found.start()
    try:
        yield found
    finally:
        found.kill()
