"""The shell commands of the documents, and those that a test cannot run, each with its reason."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECOVERY = "back-up-and-recover.md"  # test_recovery.py runs its commands in their order
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "tutorials").glob("*.md")),
    *(page for page in sorted((ROOT / "docs" / "how-to").glob("*.md")) if page.name != RECOVERY),
]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| [^|]+ \| `((?:davy|curl|mosquitto_sub|grpcurl|docker|make) [^`]*)` \|$", re.MULTILINE)

# The first pattern that is found in a command gives the reason why no test of the manual runs it.
SKIPPED = {
    r"^make ": "installs packages, or runs for minutes; the Makefile's own targets are continuous integration's",
    r"^docker ": "needs Docker; tests/system/test_compose.py does it",
    r"rtsp://": "needs an IP camera",
    r"davy cameras ": "needs an ONVIF camera; tests/davy_cli/test_cameras.py has one",
    r"^davy simulator serve |^torchrun ": "runs until it is stopped; its own tests start it",
    r"^davy (edge|aggregator|analyser|enhancer|trainer) ": "runs until it is stopped; its own tests start it",
    r"davy company ": "runs until it is stopped; tests/davy_company has it over real sites",
    r"^davy demo --seconds 10$": "runs as the same command with --summary does, in another document",
    r"^davy demo scenario": "takes 12 minutes; tests/davy_demo/scenario tests its parts",
    r"^davy train (fetch|track)": "needs S3 or MLflow; tests/adapters/storage and tests/davy_trainer/runs have them",
    r"^davy train": "trains for minutes; tests/davy_trainer/cli runs each stage in seconds",
    r"^davy bench": "measures for minutes; tests/davy_bench runs each table on small pictures",
    r"^davy load (?!.*--site-file)": "measures for half a minute; tests/davy_bench/load runs a small load",
    r"\bID\b|runs/": "needs a trained model or a run; tests/system/test_rollout.py brings models to edges",
    r":8082|:50053": "needs a trainer; tests/davy_trainer/service asks one",
    r"^davy edges config (set .*(--file|--keys)|rollback)": "needs an earlier step; see tests/system/test_config.py",
    r"^davy alarms (acknowledge|shelve)": "needs an alarm; see tests/davy_aggregator/rpc/test_alarms.py",
    r"^davy journal export .*--then-remove|PUBLIC_KEY": "needs an aggregator's key; see tests/davy_cli/test_journal.py",
    r"^davy users (add|link)": "asks for a password, or needs such a user; see tests/davy_cli/test_users.py",
    r"^DAVY_": "sets a variable for a program that runs until it is stopped; its own tests start it",
    r"davy_drift": "needs the minutes of usual light before drift is known",
    r"identity enroll|https://aggregator": "needs an authority online; tests/davy_aggregator/test_identity.py has one",
    r"^(redis-server|openssl) ": "needs files of a site, or a camera; tests/adapters/tls and tests/adapters/camera have them",
    r"^davy simulator people": "renders for minutes; tests/davy_simulator renders some frames",
    r"^(kubectl|helm) ": "needs a cluster; tests/k8s renders the chart",
    r"^davy recordings verify": "needs an export; see tests/davy_aggregator/rest/test_recordings.py",
    r"^davy recordings enhance|output.: .recording": "needs recordings; see tests/davy_enhancer and tests/davy_aggregator/rest",
    r"helmets\.onnx": "needs a detector of the reader's; see tests/davy_aggregator/analysis/test_detector.py",
    r"^unzip ": "needs samples, which an edge sends after minutes",
}


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a document."""

    document: Path
    text: str

    @property
    def skipped(self) -> str:
        """Why it is not run; empty if it is."""
        reason = next((reason for pattern, reason in SKIPPED.items() if re.search(pattern, self.text)), "")
        tool = re.split(r"\s+", self.text)[0]
        if not reason and tool not in ("davy", "export", ".") and shutil.which(tool) is None:
            return f"{tool} is not installed"
        return reason

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}: {self.text}"


def commands() -> Iterator[Command]:
    """Every command of every `sh` block and of README's table, each once per document."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        lines = [line for block in BLOCK.findall(text) for line in block.splitlines() if line]
        for line in dict.fromkeys([*lines, *ROW.findall(text)]):
            yield Command(document, line)
