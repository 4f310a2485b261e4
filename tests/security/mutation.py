"""Inputs that are almost right: valid ones with bytes and numbers changed, thousands a second."""

import random
import re

NUMBERS = (b"0", b"-1", b"2147483648", b"9007199254740993", b"18446744073709551616", b"1e999", b"NaN", b'""', b"null")
BYTES = (b"\0", b"\xff", b"\n", b"\r\n", b"/", b"..", b'"', b"{", b"[" * 50, b"\xed\xa0\x80", b"A" * 300)
_DIGITS = re.compile(rb"[0-9]+")


def mutated(chance: random.Random, seed: bytes, other: bytes) -> bytes:
    """A seed with one to four changes. other: a seed that a part may be taken from."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        _CHANGES[chance.randrange(len(_CHANGES))](chance, data, other)
    return bytes(data)


def _flip(chance: random.Random, data: bytearray, _: bytes) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _insert(chance: random.Random, data: bytearray, _: bytes) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = chance.choice(BYTES)


def _cut(chance: random.Random, data: bytearray, _: bytes) -> None:
    del data[chance.randint(0, len(data)) :]


def _remove(chance: random.Random, data: bytearray, _: bytes) -> None:
    at = chance.randint(0, len(data))
    del data[at : at + chance.randint(1, 8)]


def _repeat(chance: random.Random, data: bytearray, _: bytes) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = data[at : at + 40] * chance.randint(1, 3)


def _number(chance: random.Random, data: bytearray, _: bytes) -> None:
    if found := list(_DIGITS.finditer(data)):
        start, end = chance.choice(found).span()
        data[start:end] = chance.choice(NUMBERS)


def _splice(chance: random.Random, data: bytearray, other: bytes) -> None:
    at = chance.randint(0, len(other))
    data[chance.randint(0, len(data)) :] = other[at:]


_CHANGES = (_flip, _insert, _cut, _remove, _repeat, _number, _splice)
