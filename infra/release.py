"""Build a release into dist/: sdist, manylinux wheels for x86-64 and aarch64, an SBOM per extra, and an offline bundle.

    python infra/release.py [--bundle EXTRA]

Works on the committed tree, in a temporary folder. zig compiles the kernels for both processors. --bundle adds the wheelhouse
of one extra: a machine without a network then installs Davy by `pip install --no-index --find-links wheelhouse 'davy[EXTRA]'`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
TARGETS = ("x86_64", "aarch64")
SBOM_EXTRAS = ("edge", "enhancer", "aggregator", "trainer", "demo")


def export(target: Path) -> Path:
    """The committed tree, without what a working copy has beside it."""
    archive = target / "tree.tar"
    subprocess.run(["git", "archive", "--format=tar", f"--output={archive}", "HEAD"], cwd=ROOT, check=True)
    with tarfile.open(archive) as tar:
        tar.extractall(target / "tree", filter="data")
    return target / "tree"


def build(tree: Path, kind: str, machine: str = "") -> None:
    """One sdist or wheel into dist/."""
    environment = os.environ | ({"DAVY_WHEEL_TARGET": machine} if machine else {})
    words = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(DIST)]
    subprocess.run(words, cwd=tree, env=environment, check=True)
    for library in tree.rglob("*.so"):
        library.unlink()


def sboms() -> None:
    """A CycloneDX bill of materials for every extra, from its lock."""
    for extra in SBOM_EXTRAS:
        out = DIST / f"davy-{extra}.cdx.json"
        words = ["requirements", f"locks/{extra}.txt", "--output-reproducible", "--output-format=JSON", f"--output-file={out}"]
        subprocess.run([sys.executable, "-m", "cyclonedx_py", *words], cwd=ROOT, check=True)


def images() -> list[str]:
    """The images that docker-compose.yml starts and this project does not build."""
    found = re.findall(r"^\s+image: (\S+)", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE)
    return sorted({name for name in found if not name.removeprefix("${DAVY_REGISTRY:-}").startswith("davy-")})


def bundle(extra: str, work: Path) -> Path:
    """A tar with wheelhouse, list of images, compose files and manual, for a site without a network."""
    folder = work / "davy-offline"
    wheelhouse = folder / "wheelhouse"
    wheelhouse.mkdir(parents=True)
    words = ["download", "--quiet", "--no-deps", "--require-hashes", "--dest", str(wheelhouse), "-r", f"locks/{extra}.txt"]
    subprocess.run([sys.executable, "-m", "pip", *words], cwd=ROOT, check=True)
    for path in DIST.glob("davy-*.whl"):
        shutil.copy2(path, wheelhouse)
    (folder / "images.txt").write_text("\n".join(images()) + "\n")
    for name in ("docker-compose.yml", "README.md", "LICENSE", "NOTICE", "infra", "docs", "locks"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "users"))
        elif source.exists():
            shutil.copy2(source, folder)
    out = DIST / f"davy-offline-{extra}.tar.gz"
    with tarfile.open(out, "w:gz") as tar:
        tar.add(folder, folder.name)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", metavar="EXTRA", help="also pack the wheels of this extra for machines without a network")
    chosen = parser.parse_args()
    DIST.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tree = export(work)
        build(tree, "sdist")
        for machine in TARGETS:
            build(tree, "wheel", machine)
        sboms()
        if chosen.bundle:
            bundle(chosen.bundle, work)
    for path in sorted(DIST.iterdir()):
        print(f"{path.stat().st_size / 1e6:8.2f} MB  {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
