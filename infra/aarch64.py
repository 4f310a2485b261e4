"""Run tests on AArch64, emulated by qemu: `python infra/aarch64.py [PYTEST WORDS]`, or `make arm-test`.

build/aarch64 becomes a system of Debian's Python, the locked wheels for AArch64 and Davy's own wheel of HEAD, whose kernels zig
compiles. apt-get, dpkg-deb, qemu-aarch64 and a network are needed, root is not. Torch is left out: tests that compare with it
are skipped or left out.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SYSTEM = ROOT / "build/aarch64"
sys.path.insert(0, str(Path(__file__).parent))

from release import export  # noqa: E402
from wheels import platforms  # noqa: E402

DEBIAN = "python3.11-minimal", "libpython3.11-stdlib", "libstdc++6", "libgomp1"
TESTING = "pytest", "pytest-asyncio", "pytest-timeout", "iniconfig", "pluggy", "scikit-image", "scipy", "imageio", "tifffile"
TESTING += "networkx", "lazy-loader", "opencv-contrib-python-headless", "hypothesis", "sortedcontainers", "onnx", "ml-dtypes"
TESTS = "tests/imaging/test_native.py", "tests/imaging/runtime", "tests/adapters/media"
# Start a Python of their own, which needs a kernel that hands foreign programs to qemu.
LEFT_OUT = ("tests/adapters/media/test_images.py::test_f15_a_bomb_is_refused_in_milliseconds_with_memory_flat",)
# A Cortex-A72, as of the Raspberry Pi 4. onnxruntime reads the file, in whose place old versions of qemu show the host's.
CPU = "cortex-a72"
CPUINFO = """processor\t: {number}
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

"""


def unpack_debian(root: Path, work: Path) -> None:
    """Debian's Python for arm64, by an apt that knows nothing of this machine's packages."""
    options = ["APT::Architecture=arm64", "APT::Architectures=arm64", f"Dir::State={work}/state", f"Dir::Cache={work}/cache"]
    options += [f"Dir::State::status={work}/status", "APT::Sandbox::User=root", "Debug::NoLocking=1"]
    (work / "state").mkdir()
    (work / "cache").mkdir()
    (work / "status").touch()
    apt = ["apt-get", "-qq", *(f"-o{each}" for each in options)]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "install", "--yes", "--download-only", "--no-install-recommends", *DEBIAN], check=True)
    for package in (work / "cache").rglob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, root], check=True)


def install_wheels(site: Path, work: Path) -> None:
    """The edge's locked packages, and those that tests need."""
    blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / "locks/dev.txt").read_text())
    edge = (ROOT / "locks/edge.txt").read_text()
    chosen = [block for block in blocks if block.split("==")[0] in TESTING and block not in edge]
    (work / "testing.txt").write_text("\n".join(chosen))
    words = [
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--python-version=3.11",
        *platforms("aarch64"),
    ]
    lists = [f"-r{ROOT / 'locks/edge.txt'}", f"-r{work / 'testing.txt'}"]
    subprocess.run([sys.executable, "-m", "pip", *words, f"--target={site}", *lists], check=True)


def install_davy(site: Path, work: Path) -> None:
    """Davy's wheel for AArch64, built from HEAD."""
    for old in site.glob("davy*"):
        shutil.rmtree(old)
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(work / "dist")]
    subprocess.run(words, cwd=export(work), env=os.environ | {"DAVY_WHEEL_TARGET": "aarch64"}, check=True)
    for wheel in (work / "dist").glob("*_aarch64.whl"):
        zipfile.ZipFile(wheel).extractall(site)


def assemble(root: Path) -> None:
    """Fill the folder, unless an earlier run has; Davy itself is always the newest."""
    with tempfile.TemporaryDirectory() as folder:
        work, done = Path(folder), root / "assembled"
        if not done.exists():
            shutil.rmtree(root, ignore_errors=True)
            (root / "proc").mkdir(parents=True)
            (root / "proc/cpuinfo").write_text("".join(CPUINFO.format(number=number) for number in range(os.cpu_count() or 1)))
            unpack_debian(root, work)
            install_wheels(root / "site", work)
            done.touch()
        install_davy(root / "site", work)


def with_torch() -> list[Path]:
    """Test modules that begin with torch."""
    return [path for path in (ROOT / "tests").rglob("test_*.py") if re.search("^import torch", path.read_text(), re.MULTILINE)]


def run(root: Path, words: list[str]) -> int:
    """Run the emulated Python."""
    environment = os.environ | {"QEMU_CPU": CPU, "PYTHONPATH": str(root / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
    python = ["qemu-aarch64", "-L", str(root), str(root / "usr/bin/python3.11")]
    return subprocess.run([*python, *words], cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    assemble(SYSTEM)
    options = ["-p", "no:cacheprovider", "--timeout=1200", *(f"--ignore={path}" for path in with_torch())]
    options += [f"--deselect={name}" for name in LEFT_OUT]
    sys.exit(run(SYSTEM, ["-m", "pytest", *options, *(sys.argv[1:] or TESTS)]))
