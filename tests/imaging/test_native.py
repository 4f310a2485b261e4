import pytest

from davy.domain.errors import KernelsMissingError
from davy.imaging.native import LEVELS, SUFFIX, load_kernels, x86_64_levels


def test_kernels_that_were_not_compiled_are_missed_by_name(tmp_path):
    with pytest.raises(KernelsMissingError, match=r"none\.(so|dylib) is missing: install davy with pip"):
        load_kernels(tmp_path, "none")


@pytest.mark.parametrize("level", LEVELS)
def test_a_processor_is_asked_to_run_what_it_can_and_nothing_else(tmp_path, level):
    (tmp_path / f"x.{level}{SUFFIX}").write_bytes(b"not a library")
    wanted = OSError if level in x86_64_levels() else KernelsMissingError
    with pytest.raises(wanted):
        load_kernels(tmp_path, "x")
