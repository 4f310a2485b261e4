"""Each program starts with the packages of its own extra: what its lock lacks cannot be imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from davy_cli.programs import PROGRAMS

ROOT = Path(__file__).parents[1]
# Without torch, which stands in no lock.
LOCKED = {name: each for name, each in PROGRAMS.items() if not each.hidden and (ROOT / "locks" / f"{each.extra}.txt").is_file()}
ONLY_THE_LOCK = """
import importlib, importlib.metadata, re, sys
from pathlib import Path

module, lock = sys.argv[1], Path(sys.argv[2]).read_text()
canonical = lambda name: re.sub(r"[-_.]+", "-", name).lower()
allowed = {canonical(name) for name in re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.M)} | {"davy", "torch", "torchvision"}
owners = importlib.metadata.packages_distributions()

class Locked:
    def find_spec(self, name, path=None, target=None):
        found = owners.get(name.partition(".")[0], [])
        if found and not allowed & {canonical(each) for each in found}:
            raise ModuleNotFoundError(f"No module named {name!r}: the lock lacks {found}", name=name)

sys.meta_path.insert(0, Locked())
importlib.import_module(module)
importlib.import_module("davy_cli.environment").variables()  # of every program: what DAVY_ variables are compared with
"""


@pytest.mark.system
@pytest.mark.parametrize("name", LOCKED)
def test_a_program_starts_with_the_packages_of_its_extra(name):
    program = LOCKED[name]
    command = [sys.executable, "-c", ONLY_THE_LOCK, program.module, str(ROOT / "locks" / f"{program.extra}.txt")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


def test_every_program_of_a_container_has_a_lock():
    assert {"aggregator", "edge", "enhancer", "simulator", "trainer"} <= LOCKED.keys()
