import io
import stat
import warnings
import zipfile

import pytest

from davy.domain.errors import ModelRefusedError
from davy.models.archive import unzip_strict, zip_exact
from davy.models.refusal import Cause

LIMITS = {"a.txt": 100, "b.txt": 100}


def refused(data: bytes) -> Cause:
    with pytest.raises(ModelRefusedError) as caught:
        unzip_strict(data, LIMITS)
    return Cause(caught.value.cause)


def foreign(*entries: tuple[str, bytes], mode: int = 0o644 | stat.S_IFREG, method: int = zipfile.ZIP_STORED) -> bytes:
    """A ZIP as another tool writes it."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as file:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, data in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            file.writestr(info, data)
    return out.getvalue()


def test_any_tool_opens_it():
    data = zip_exact({"b.txt": b"two", "a.txt": b"one"})
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        assert {name: file.read(name) for name in file.namelist()} == {"a.txt": b"one", "b.txt": b"two"}
    assert unzip_strict(data, LIMITS) == {"a.txt": b"one", "b.txt": b"two"}


@pytest.mark.parametrize(
    "name", ["../a.txt", "/etc/passwd", "x/../../a.txt", "..\\a.txt", "C:a.txt", "a\t.txt", "ä.txt", "x" * 65]
)
def test_a33_f21_zip_slip(name):
    assert refused(foreign((name, b"x"))) is Cause.UNSAFE_NAME


def test_f21_links_and_folders():
    assert refused(foreign(("a.txt", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777)) is Cause.LINK
    assert refused(foreign(("a.txt", b""), mode=stat.S_IFDIR | 0o755)) is Cause.LINK


def test_f21_names_twice_or_unknown():
    assert refused(foreign(("a.txt", b"1"), ("a.txt", b"2"))) is Cause.DUPLICATE
    assert refused(foreign(("c.txt", b"1"))) is Cause.UNEXPECTED_FILE


def test_a33_f15_a_bomb_is_neither_unpacked_nor_allocated():
    assert refused(foreign(("a.txt", bytes(10_000_000)), method=zipfile.ZIP_DEFLATED)) is Cause.TOO_LARGE
    assert refused(foreign(("a.txt", bytes(100)), method=zipfile.ZIP_DEFLATED)) is Cause.NOT_CANONICAL
    assert refused(foreign(*((f"{index}.txt", b"") for index in range(33)))) is Cause.TOO_LARGE
    lying = bytearray(zip_exact({"a.txt": b"x"}))
    lying[-22 - 51 + 20 : -22 - 51 + 28] = (90).to_bytes(4, "little") * 2  # both sizes in the directory
    assert refused(bytes(lying)) is Cause.TRUNCATED


def test_what_is_no_zip_is_refused():
    assert refused(b"") is Cause.NOT_A_PACKAGE
    assert refused(b"\x80\x04pickle") is Cause.NOT_A_PACKAGE
    assert refused(b"PK\3\4") is Cause.TRUNCATED
    assert refused(b"PK\3\4" + bytes(30) + zip_exact({})) is Cause.TRUNCATED
