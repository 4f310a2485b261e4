import pytest

from davy.errors import KernelsMissingError
from davy.native import SUFFIX, has_x86_64_v3, load_kernels


def test_kernels_that_were_not_compiled_are_missed_by_name(tmp_path):
    with pytest.raises(KernelsMissingError, match=r"none\.(so|dylib) is missing: install davy with pip"):
        load_kernels(tmp_path, "none")


def test_a_processor_without_avx2_is_not_asked_to_run_it(tmp_path):
    (tmp_path / f"x.v3{SUFFIX}").write_bytes(b"not a library")
    wanted = OSError if has_x86_64_v3() else KernelsMissingError
    with pytest.raises(wanted):
        load_kernels(tmp_path, "x")
