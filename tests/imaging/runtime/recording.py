"""Kernel calls with all their memory in one file, which `replay.c` runs on another processor."""

import ctypes
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ARGUMENTS, NAME = 16, 32


class Recording:
    """Calls of kernels, and a copy of the arrays and structures that they use."""

    def __init__(self) -> None:
        self._calls: list[tuple[str, tuple[object, ...]]] = []
        self._arrays: list[NDArray[np.generic]] = []
        self._structures: dict[int, ctypes.Structure] = {}

    def keep(self, *arrays: NDArray[np.generic]) -> None:
        """Take arrays, C contiguous, into whose memory structures and arguments point."""
        self._arrays += arrays

    def call(self, name: str, *arguments: int | ctypes.Structure | NDArray[np.generic] | None) -> None:
        """Add a call of a kernel; integers, structures, arrays and NULL are its arguments."""
        for each in arguments:
            if isinstance(each, ctypes.Structure):
                self._structures[ctypes.addressof(each)] = each
            elif isinstance(each, np.ndarray):
                self.keep(each)
        self._calls.append((name, arguments))

    def write(self, path: Path) -> dict[int, int]:
        """Write the file; returns the offset in the result of every array, by its address."""
        places: dict[int, tuple[int, int]] = {}  # of each array and structure: size and offset
        at = len(self._calls) * (NAME + 8 * ARGUMENTS)
        for address, size in [(each.ctypes.data, each.nbytes) for each in self._arrays] + [
            (address, ctypes.sizeof(each)) for address, each in self._structures.items()
        ]:
            at = -(-at // 64) * 64
            places.setdefault(address, (size, at))
            at += size
        memory, pointers = bytearray(at), []

        def point(offset: int, target: int) -> None:
            """Write a pointer to the copy of what is at target."""
            for address, (size, place) in places.items():
                if address <= target < address + size:
                    memory[offset : offset + 8] = (place + target - address).to_bytes(8, "little")
                    pointers.append(offset)
                    return
            raise LookupError(f"no array holds {target:#x}")

        for address, (size, place) in places.items():
            memory[place : place + size] = ctypes.string_at(address, size)
        for address, structure in self._structures.items():
            for offset, target in pointers_of(structure):
                point(places[address][1] + offset, target)
        for index, (name, arguments) in enumerate(self._calls):
            start = index * (NAME + 8 * ARGUMENTS)
            memory[start : start + NAME] = name.encode().ljust(NAME, b"\0")
            for number, each in enumerate(arguments):
                slot = start + NAME + 8 * number
                if isinstance(each, ctypes.Structure):
                    point(slot, ctypes.addressof(each))
                elif isinstance(each, np.ndarray):
                    point(slot, each.ctypes.data)
                elif each is not None:
                    memory[slot : slot + 8] = int(str(each)).to_bytes(8, "little", signed=True)
        head = np.array([len(pointers), len(self._calls), at, *pointers], np.int64)
        path.write_bytes(head.tobytes() + memory)
        return {address: place for address, (_, place) in places.items()}


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
