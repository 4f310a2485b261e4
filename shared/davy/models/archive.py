"""The archive format of a package: a canonical ZIP, identical byte for byte, that any tool opens.

Entries are stored uncompressed in order of their names, without times, attributes or comments. `unzip_strict` reads only
the output of `zip_exact`, so that no byte stays unverified: no large entries, no links, no paths outside a folder.
"""

import stat
import struct
import zlib
from collections.abc import Mapping

from davy.domain.errors import ModelRefusedError
from davy.models.refusal import Cause

MAX_ENTRIES = 32
MAX_NAME_BYTES = 64

_LOCAL = struct.Struct("<4s5H3L2H")  # APPNOTE 6.3.9, 4.3.7
_ENTRY = struct.Struct("<4s6H3L5H2L")  # 4.3.12
_END = struct.Struct("<4s4H2LH")  # 4.3.16
_VERSION, _UNIX, _MIDNIGHT_1980 = 20, 3 << 8, 0x21
_FILE = (stat.S_IFREG | 0o644) << 16


def zip_exact(files: Mapping[str, bytes]) -> bytes:
    """Write the canonical ZIP of these files."""
    body, directory = bytearray(), bytearray()
    for name in sorted(files):
        data, encoded = files[name], name.encode("ascii")
        described = (0, 0, 0, _MIDNIGHT_1980, zlib.crc32(data), len(data), len(data), len(encoded))
        directory += _ENTRY.pack(b"PK\1\2", _UNIX | _VERSION, _VERSION, *described, 0, 0, 0, 0, _FILE, len(body)) + encoded
        body += _LOCAL.pack(b"PK\3\4", _VERSION, *described, 0) + encoded + data
    end = _END.pack(b"PK\5\6", 0, 0, len(files), len(files), len(directory), len(body), 0)
    return bytes(body + directory + end)


def unzip_strict(data: bytes, limits: Mapping[str, int]) -> dict[str, bytes]:
    """Read a ZIP in memory.

    Args:
        limits: Permitted names with their maximum sizes in bytes.

    Raises:
        ModelRefusedError: the data is no ZIP, is truncated, or holds other entries. The caller compares it with the output of
            zip_exact after verifying the content.
    """
    if not data.startswith(b"PK\3\4"):
        raise ModelRefusedError(Cause.NOT_A_PACKAGE, "it has no ZIP signature")
    if len(data) < _END.size or data[-_END.size :][:4] != b"PK\5\6":
        raise ModelRefusedError(Cause.TRUNCATED, "the end of the ZIP is missing")
    *_, count, size, at, _ = _END.unpack(data[-_END.size :])
    if at + size + _END.size != len(data):
        raise ModelRefusedError(
            Cause.TRUNCATED, f"the file has {len(data)} bytes, its directory ends at {at + size + _END.size}"
        )
    if count > MAX_ENTRIES:
        raise ModelRefusedError(Cause.TOO_LARGE, f"{count} entries, at most {MAX_ENTRIES} are allowed")
    files: dict[str, bytes] = {}
    for _ in range(count):
        name, content, at = _read_entry(data, at, limits)
        if name in files:
            raise ModelRefusedError(Cause.DUPLICATE, f"{name} exists twice")
        files[name] = content
    return files


def _read_entry(data: bytes, at: int, limits: Mapping[str, int]) -> tuple[str, bytes, int]:
    """Read the directory entry at an offset: name, content, and offset of the next entry."""
    if at + _ENTRY.size > len(data) or data[at : at + 4] != b"PK\1\2":
        raise ModelRefusedError(Cause.TRUNCATED, "the directory of the ZIP is damaged")
    fields = _ENTRY.unpack_from(data, at)
    method, packed, size, name_size, attributes, start = fields[4], fields[8], fields[9], fields[10], fields[15], fields[16]
    raw = data[at + _ENTRY.size : at + _ENTRY.size + name_size]
    name = _safe_name(raw)
    mode = attributes >> 16
    if stat.S_ISLNK(mode) or stat.S_ISDIR(mode):
        raise ModelRefusedError(Cause.LINK, f"{name} is a link or a folder, not a file")
    if name not in limits:
        raise ModelRefusedError(Cause.UNEXPECTED_FILE, f"{name} is not part of a model package")
    if size > limits[name]:
        raise ModelRefusedError(Cause.TOO_LARGE, f"{name} has {size:,} bytes, at most {limits[name]:,} are allowed")
    if method != 0 or packed != size:
        raise ModelRefusedError(Cause.NOT_CANONICAL, f"{name} is compressed; a package stores its entries uncompressed")
    begins = start + _LOCAL.size + name_size
    content = data[begins : begins + size]
    if len(content) != size:
        raise ModelRefusedError(Cause.TRUNCATED, f"{name} is cut off")
    return name, content, at + _ENTRY.size + name_size


def _safe_name(raw: bytes) -> str:
    try:
        name = raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise ModelRefusedError(Cause.UNSAFE_NAME, f"{raw[:MAX_NAME_BYTES]!r} is not plain ASCII") from error
    if len(name) > MAX_NAME_BYTES or not name.isprintable() or any(mark in name for mark in ("/", "\\", "..", ":")):
        raise ModelRefusedError(Cause.UNSAFE_NAME, f"{name[:MAX_NAME_BYTES]!r} could lead out of its folder")
    return name
