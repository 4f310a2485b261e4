"""Generate shared/davy/v1 from proto/davy/v1; --check says what is wrong with either, --baseline REASON breaks with the past.

`buf breaking` compares the messages with infra/proto-baseline.binpb: what an older Davy speaks. Whoever breaks that says why;
the reason stands in infra/proto-baseline.md.
"""

import filecmp
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[1]
PROTO = ROOT / "proto"
COMMITTED = ROOT / "shared" / "davy" / "v1"
BASELINE = ROOT / "infra" / "proto-baseline.binpb"
REASONS = BASELINE.with_suffix(".md")


def generate(target: Path) -> None:
    """Write the generated package `davy/v1` below target."""
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    outputs = [f"--{kind}_out={target}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    if protoc.main(["protoc", f"-I{PROTO}", *outputs, *sources]) != 0:
        sys.exit("protoc failed")
    package = target / "davy" / "v1"
    (package / "__init__.py").write_text('"""Generated from proto/davy/v1 by `make proto`."""\n')


def main(arguments: list[str]) -> int:
    """Do what the arguments say; returns the exit status."""
    match arguments:
        case []:
            return write()
        case ["--check"]:
            return max(check_generated(), buf("lint", "proto"), buf("breaking", "proto", "--against", str(BASELINE)))
        case ["--baseline", reason] if reason.strip():
            return write_baseline(reason.strip())
        case _:
            print("usage: proto.py [--check | --baseline REASON]")
            return 2


def write() -> int:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        COMMITTED.mkdir(parents=True, exist_ok=True)
        for path in (Path(folder) / "davy" / "v1").iterdir():
            (COMMITTED / path.name).write_bytes(path.read_bytes())
    return 0


def check_generated() -> int:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = Path(folder) / "davy" / "v1"
        names = sorted(path.name for path in fresh.iterdir())
        committed = sorted(path.name for path in COMMITTED.iterdir() if path.is_file())
        _, stale, missing = filecmp.cmpfiles(fresh, COMMITTED, names, shallow=False)
    if stale or missing or committed != names:
        print(f"shared/davy/v1 is stale ({', '.join([*stale, *missing]) or 'extra files'}): run `make proto`")
        return 1
    return 0


def write_baseline(reason: str) -> int:
    if status := buf("build", "proto", "--exclude-source-info", "-o", str(BASELINE)):
        return status
    with REASONS.open("a") as reasons:
        reasons.write(f"- {reason}\n")
    return 0


def buf(*arguments: str) -> int:
    """Run buf of this environment."""
    program = shutil.which("buf", path=str(Path(sys.executable).parent)) or shutil.which("buf")
    if program is None:
        sys.exit("buf is not installed: pip install '.[dev]'")
    return subprocess.run([program, *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
