"""Write locks/EXTRA.txt, the exact packages of every extra with their hashes; with --check say which is stale.

pip-tools resolves. torch and torchvision are left out: their builds without CUDA have hashes of their own; pyproject.toml pins
their versions. Install a lock by `pip install --no-deps --require-hashes -r locks/EXTRA.txt`.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "locks"
EXTRAS = ("edge", "enhancer", "aggregator", "simulator", "trainer", "demo", "dev")
# What an image has beside its service: engines of many aggregators, traces.
WITH = {
    "edge": ("otel",),
    "enhancer": ("otel",),
    "aggregator": ("analyser", "otel", "postgres", "s3"),
    "trainer": ("otel", "postgres", "s3"),
}
OPTIONS = ("--generate-hashes", "--strip-extras", "--no-header", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate")
UNLOCKED = ("torch", "torchvision")


def lock(extra: str, target: Path) -> None:
    """Resolve one extra; what an existing target pins stays where it still fits."""
    words = [sys.executable, "-m", "piptools", "compile", "--quiet", *OPTIONS, f"--output-file={target}"]
    words += [f"--extra={each}" for each in (extra, *WITH.get(extra, ()))]
    subprocess.run([*words, *(f"--unsafe-package={name}" for name in UNLOCKED), "pyproject.toml"], cwd=ROOT, check=True)
    text = re.sub(r"\n# The following packages were not included.*", "\n", target.read_text(), flags=re.DOTALL)
    lines = [line for line in text.splitlines() if not line.startswith(("#", "davy @"))]  # an extra of Davy's own names Davy
    target.write_text("\n".join(lines).strip() + "\n")


def stale(extra: str) -> list[str]:
    """Names that pyproject.toml asks for directly and the lock does not pin, or pins to a file of one machine."""
    text = (LOCKS / f"{extra}.txt").read_text()
    locked = set(re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE))
    missing = [name for name in direct(extra, *WITH.get(extra, ())) - locked if name not in UNLOCKED]
    return sorted(missing + re.findall(r"^(\S+) @ ", text, re.MULTILINE))


def direct(*extras: str) -> set[str]:
    """Canonical names of the direct requirements of extras, through davy's own extras."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found, waiting, done = set(), list(project["dependencies"]), set()
    pending = [*extras]
    while pending:
        done.add(name := pending.pop())
        waiting += project["optional-dependencies"][name]
        pending += [
            each
            for line in project["optional-dependencies"][name]
            if (own := re.match(r"davy\[(.*)\]", line))
            for each in own[1].split(",")
            if each not in done
        ]
    for line in waiting:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        if name and name[0] != "davy":
            found.add(re.sub(r"[-_.]+", "-", name[0]).lower())
    return found


def main() -> int:
    """Write the locks named on the command line, or all; --check names stale ones and returns 1."""
    words = [word for word in sys.argv[1:] if word != "--check"]
    extras = words or EXTRAS
    if "--check" in sys.argv:
        missing = {extra: names for extra in extras if (names := stale(extra))}
        for extra, names in missing.items():
            print(f"locks/{extra}.txt does not pin {', '.join(names)}: run `make lock`")
        return int(bool(missing))
    LOCKS.mkdir(exist_ok=True)
    for extra in extras:
        print(f"locking {extra}", flush=True)
        lock(extra, LOCKS / f"{extra}.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
