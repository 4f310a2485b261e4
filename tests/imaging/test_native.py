import ctypes
from pathlib import Path

import pytest

from davy.domain.errors import KernelsMissingError, KernelsOutdatedError
from davy.imaging.native import LEVELS, SUFFIX, load_kernels, x86_64_levels
from davy.imaging.runtime import kernels


def test_kernels_that_were_not_compiled_are_missed_by_name(tmp_path):
    with pytest.raises(KernelsMissingError, match=r"none\.(so|dylib) is missing: install davy with pip"):
        load_kernels(tmp_path, "none")


@pytest.mark.parametrize("level", LEVELS)
def test_a_processor_is_asked_to_run_what_it_can_and_nothing_else(tmp_path, level):
    (tmp_path / f"x.{level}{SUFFIX}").write_bytes(b"not a library")
    wanted = OSError if level in x86_64_levels() else KernelsMissingError
    with pytest.raises(wanted):
        load_kernels(tmp_path, "x")


class Other(ctypes.Structure):
    """A structure of another shape than C has under this name."""

    _fields_ = (("format", ctypes.c_int32),)


Other.__name__ = "Picture"


def test_a_library_whose_structures_have_another_shape_is_refused():
    folder = Path(kernels.__file__).parent
    with pytest.raises(KernelsOutdatedError, match=r"davy_sizeof_Picture is \d+, not 4.*install davy again"):
        load_kernels(folder, "measure", (Other,))
