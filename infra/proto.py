"""Generate shared/davy/v1 from proto/davy/v1, or with --check say whether the committed code is stale."""

import filecmp
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[1]
PROTO = ROOT / "proto"
COMMITTED = ROOT / "shared" / "davy" / "v1"


def generate(target: Path) -> None:
    """Write the generated package `davy/v1` below target."""
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    outputs = [f"--{kind}_out={target}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    if protoc.main(["protoc", f"-I{PROTO}", *outputs, *sources]) != 0:
        sys.exit("protoc failed")
    package = target / "davy" / "v1"
    (package / "__init__.py").write_text('"""Generated from proto/davy/v1 by `make proto`."""\n')


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = Path(folder) / "davy" / "v1"
        names = sorted(path.name for path in fresh.iterdir())
        if "--check" in sys.argv:
            committed = sorted(path.name for path in COMMITTED.iterdir() if path.is_file())
            _, stale, missing = filecmp.cmpfiles(fresh, COMMITTED, names, shallow=False)
            if stale or missing or committed != names:
                print(f"shared/davy/v1 is stale ({', '.join([*stale, *missing]) or 'extra files'}): run `make proto`")
                return 1
            return 0
        COMMITTED.mkdir(parents=True, exist_ok=True)
        for name in names:
            (COMMITTED / name).write_bytes((fresh / name).read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
