"""Kernel calls with all their memory in one file, which `replay.c` runs on another processor."""

import ctypes
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ARGUMENTS, NAME = 16, 32  # as in replay.c
CALL = NAME + 8 * ARGUMENTS
LINE = 64  # alignment of everything, in bytes

Argument = int | ctypes.Structure | NDArray[np.generic] | None


class Recording:
    """Calls of kernels, and a copy of the arrays and structures that they use."""

    def __init__(self) -> None:
        self._calls: list[tuple[str, tuple[Argument, ...]]] = []
        self._arrays: list[NDArray[np.generic]] = []
        self._structures: dict[int, ctypes.Structure] = {}

    def keep(self, *arrays: NDArray[np.generic]) -> None:
        """Take arrays, C contiguous, into whose memory structures and arguments point."""
        self._arrays += arrays

    def call(self, name: str, *arguments: Argument) -> None:
        """Add a call of a kernel; integers, structures, arrays and NULL are its arguments."""
        for each in arguments:
            if isinstance(each, ctypes.Structure):
                self._structures[ctypes.addressof(each)] = each
            elif isinstance(each, np.ndarray):
                self.keep(each)
        self._calls.append((name, arguments))

    def write(self, path: Path) -> dict[int, int]:
        """Write the file; returns the offset in the result of every array, by its address."""
        self._place()
        self._memory = bytearray(self._end)
        for address, (size, place) in self._places.items():
            self._memory[place : place + size] = ctypes.string_at(address, size)
        for address, structure in self._structures.items():
            for offset, target in pointers_of(structure):
                self._point(self._places[address][1] + offset, target)
        for index, (name, arguments) in enumerate(self._calls):
            self._write_call(index * CALL, name, arguments)
        head = np.array([len(self._pointers), len(self._calls), self._end, *self._pointers], np.int64)
        path.write_bytes(head.tobytes() + self._memory)
        return {address: place for address, (_, place) in self._places.items()}

    def _place(self) -> None:
        """Give every array and structure a place in the file's memory, behind the calls."""
        self._places: dict[int, tuple[int, int]] = {}  # of each address: size and place
        self._pointers: list[int] = []
        self._end = len(self._calls) * CALL
        sizes = [(each.ctypes.data, each.nbytes) for each in self._arrays]
        for address, size in sizes + [(address, ctypes.sizeof(each)) for address, each in self._structures.items()]:
            place = -(-self._end // LINE) * LINE
            if self._places.setdefault(address, (size, place)) == (size, place):
                self._end = place + size

    def _write_call(self, start: int, name: str, arguments: tuple[Argument, ...]) -> None:
        self._memory[start : start + NAME] = name.encode().ljust(NAME, b"\0")
        for slot, each in enumerate(arguments):
            at = start + NAME + 8 * slot
            if isinstance(each, int):
                self._memory[at : at + 8] = each.to_bytes(8, "little", signed=True)
            elif each is not None:
                self._point(at, each.ctypes.data if isinstance(each, np.ndarray) else ctypes.addressof(each))

    def _point(self, offset: int, target: int) -> None:
        """Write a pointer to the copy of what is at target."""
        for address, (size, place) in self._places.items():
            if address <= target < address + size:
                self._memory[offset : offset + 8] = (place + target - address).to_bytes(8, "little")
                self._pointers.append(offset)
                return
        raise LookupError(f"no array holds {target:#x}")


def pointers_of(structure: ctypes.Structure | ctypes.Array, base: int = 0) -> list[tuple[int, int]]:  # type: ignore[type-arg]
    """Offset and target of every pointer in a structure that is not NULL."""
    found = []
    if isinstance(structure, ctypes.Array):
        size = ctypes.sizeof(structure._type_)
        fields = [(base + size * i, structure._type_, structure[i]) for i in range(len(structure))]
    else:
        fields = [
            (base + getattr(type(structure), name).offset, kind, getattr(structure, name))
            for name, kind in ((field[0], field[1]) for field in structure._fields_)
        ]
    for offset, kind, value in fields:
        if kind is ctypes.c_void_p:
            found += [(offset, value)] if value else []
        elif isinstance(value, ctypes.Structure | ctypes.Array):
            found += pointers_of(value, offset)
    return found
