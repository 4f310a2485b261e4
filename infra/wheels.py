"""Say which locked packages of the images have no wheel for a processor: `python infra/wheels.py [aarch64] [SERVICE ...]`.

It asks the package index, and installs nothing. It also names what the packages require on that processor alone and the lock
lacks, because the locks are resolved on x86-64. Returns 1 if anything is missing.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SERVICES = ("aggregator", "edge", "enhancer", "simulator", "trainer")  # each has an image
UNLOCKED = {"trainer": ("torch==2.13.0", "torchvision==0.28.0")}  # as in the Dockerfile


def platforms(machine: str) -> list[str]:
    """The words by which pip takes wheels for a processor. Debian 12 and Davy's own wheel have a glibc of at least 2.28."""
    return [f"--platform=manylinux{name}_{machine}" for name in ("_2_28", "_2_27", "_2_26", "_2_17", "2014")]


def wheels(requirements: Path, machine: str, *, hashes: bool = True) -> list[dict[str, Any]]:
    """Metadata of the wheels that an image for the processor installs.

    Args:
        machine: aarch64 or x86_64.
        hashes: Whether the requirements have hashes.

    Raises:
        LookupError: a package has no wheel for it.
    """
    words = [
        "install",
        "--quiet",
        "--dry-run",
        "--ignore-installed",
        "--no-deps",
        "--only-binary=:all:",
        "--python-version=3.11",
    ]
    words += ["--require-hashes"] if hashes else []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        words += [f"--target={folder}/site", f"--report={report}", "-r", str(requirements)]
        done = subprocess.run(
            [sys.executable, "-m", "pip", *words, *platforms(machine)], cwd=ROOT, check=False, text=True, stderr=subprocess.PIPE
        )
        if done.returncode:
            raise LookupError(re.sub(r"^WARNING.*\n|^ERROR: Ignored.*\n", "", done.stderr, flags=re.MULTILINE).strip())
        return [each["metadata"] for each in json.loads(report.read_text())["install"]]


def missing(metadata: list[dict[str, Any]], machine: str, besides: Sequence[str]) -> list[str]:
    """What the packages require on the processor and no package of the list or of besides is."""
    environment = default_environment() | {"platform_machine": machine, "sys_platform": "linux", "extra": ""}
    present = {canonicalize_name(each["name"]) for each in metadata} | {canonicalize_name(each) for each in besides}
    lines = []
    for package in metadata:
        for text in package.get("requires_dist", ()):
            needed = Requirement(text)
            holds = needed.marker is None or needed.marker.evaluate(environment)
            if holds and canonicalize_name(needed.name) not in present:
                lines.append(f"{package['name']} requires {text}")
    return lines


def check(service: str, machine: str) -> list[str]:
    """Why an image of a service for the processor would not build; empty if it would."""
    try:
        found = wheels(ROOT / f"locks/{service}.txt", machine)
        unlocked = UNLOCKED.get(service, ())
        if unlocked:
            with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
                file.write("\n".join(unlocked))
                file.flush()
                wheels(Path(file.name), machine, hashes=False)
    except LookupError as error:
        return str(error).splitlines()
    # pip resolves what the unlocked packages need when it builds the image
    return missing(found, machine, [each.partition("==")[0] for each in unlocked])


def main() -> int:
    """Check the services named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("machine", nargs="?", default="aarch64", choices=("aarch64", "x86_64"))
    parser.add_argument("services", nargs="*", metavar="SERVICE", default=SERVICES)
    chosen = parser.parse_args()
    found = {service: check(service, chosen.machine) for service in chosen.services}
    for service, lines in found.items():
        print(f"{service}: {'; '.join(lines) or 'every package has a wheel'}")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
