"""The hash chain of the journal, and its signed checkpoints.

A row's hash is the SHA-256 of its canonical JSON (RFC 8785), which holds the hash of the row before. A checkpoint signs the
hash of a row: who rewrites the chain up to there needs the key.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import rfc8785
from pydantic import ValidationError

from davy.access.journal import JournalEntry
from davy.domain.errors import ModelRefusedError
from davy.models.keys import KeySet
from davy.models.manifest import Signature
from davy.models.signing_key import SigningKey

START = "0" * 64
"""The hash before the first row."""

PREFIX = b"davy journal checkpoint 1\n"


@dataclass(frozen=True, slots=True)
class JournalRow:
    """An entry in its place in the chain.

    Attributes:
        sequence: 1 for the first row ever.
        entry: What happened.
        previous: Hash of the row before; START before the first.
        hash: SHA-256 in hexadecimal digits.
    """

    sequence: int
    entry: JournalEntry
    previous: str
    hash: str

    def expected_hash(self) -> str:
        """The hash that belongs to the row's content."""
        return _hash(self.sequence, self.entry, self.previous)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed row.

    Attributes:
        sequence: The row.
        hash: Its hash.
        removed_to: Rows up to this one were exported and removed; 0 for none.
        at_ns: Unix time in ns.
        key: Id of the key.
        signature: Ed25519 signature over the others, 128 hexadecimal digits.
    """

    sequence: int
    hash: str
    removed_to: int
    at_ns: int
    key: str
    signature: str

    def signed_bytes(self) -> bytes:
        """What the signature covers, without its prefix."""
        return _signed(self.sequence, self.hash, self.removed_to, self.at_ns)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        rows: Number of rows that were read.
        last: Sequence of the last one; 0 without rows.
        signed_to: Newest row with a valid checkpoint; 0 for none.
        broken: Sequence of the first row that is changed, missing or out of place; None if all are intact.
        reason: What is wrong with it; empty if nothing is.
    """

    rows: int
    last: int
    signed_to: int
    broken: int | None = None
    reason: str = ""


def link(sequence: int, entry: JournalEntry, previous: str) -> JournalRow:
    """Put an entry at the end of the chain."""
    return JournalRow(sequence, entry, previous, _hash(sequence, entry, previous))


def sign(key: SigningKey, row: JournalRow, removed_to: int, at_ns: int) -> Checkpoint:
    """Sign a row."""
    signature = key.sign(_signed(row.sequence, row.hash, removed_to, at_ns), PREFIX)
    return Checkpoint(row.sequence, row.hash, removed_to, at_ns, key.id, signature.signature)


def verify(
    rows: Iterable[JournalRow], checkpoints: Sequence[Checkpoint], keys: KeySet, kept: Checkpoint | None = None
) -> Verdict:
    """Check rows in their order against their hashes and against the checkpoints.

    Args:
        rows: Oldest first.
        checkpoints: Of the same database.
        keys: Public keys of the aggregators that sign.
        kept: A checkpoint from another place, such as the key's folder: it is found missing if the database lost its end.
    """
    signed = sorted([*checkpoints, *([kept] if kept else [])], key=lambda each: each.sequence)
    if forged := next(((each, why) for each in signed if (why := _fault(each, keys))), None):
        return Verdict(0, 0, 0, forged[0].sequence, f"its checkpoint is not genuine: {forged[1]}")
    by_sequence: dict[int, Checkpoint] = {}
    for each in signed:
        if by_sequence.setdefault(each.sequence, each).hash != each.hash:
            return Verdict(0, 0, 0, each.sequence, "two checkpoints sign different rows in this place")
    removed_to = max((each.removed_to for each in signed), default=0)
    if removed_to and removed_to not in by_sequence:
        return Verdict(0, 0, 0, removed_to, "the checkpoint at which the removed part ends is missing")
    walk = _Walk(removed_to, by_sequence[removed_to].hash if removed_to else START, by_sequence)
    signed_to = signed[-1].sequence if signed else 0
    for row in rows:
        if reason := walk.step(row):
            return Verdict(walk.count, walk.last, signed_to, walk.at, reason)
    if walk.last < signed_to:
        reason = f"the journal is cut off: rows {walk.last + 1} to {signed_to} are missing, and row {signed_to} was signed"
        return Verdict(walk.count, walk.last, signed_to, walk.last + 1, reason)
    return Verdict(walk.count, walk.last, signed_to)


class _Walk:
    """A walk along the chain."""

    def __init__(self, last: int, previous: str, signed: dict[int, Checkpoint]) -> None:
        self.last, self.count, self.at = last, 0, last + 1
        self._previous, self._signed = previous, signed

    def step(self, row: JournalRow) -> str:
        """Return what is wrong with the next row; empty for nothing."""
        self.at = wanted = self.last + 1
        if row.sequence != wanted:
            return f"it is missing; row {row.sequence} follows row {self.last}"
        if row.previous != self._previous:
            return "it does not follow from the row before: one of them was changed, or a row in between removed"
        if row.expected_hash() != row.hash:
            return "its content does not match its hash: it was changed after it was written"
        if wanted in self._signed and self._signed[wanted].hash != row.hash:
            return "it is not the row that the checkpoint signs: the chain up to here was rewritten"
        self.last, self._previous, self.count = wanted, row.hash, self.count + 1
        return ""


def row_fields(row: JournalRow) -> dict[str, object]:
    """The columns of a row, by their names."""
    return {"sequence": row.sequence, **asdict(row.entry), "previous": row.previous, "hash": row.hash}


def row_of(fields: dict[str, object]) -> JournalRow:
    """The row of its columns.

    Raises:
        KeyError: A column is missing.
    """
    entry = JournalEntry(**{name: fields[name] for name in JournalEntry.__slots__})  # type: ignore[arg-type]
    return JournalRow(int(str(fields["sequence"])), entry, str(fields["previous"]), str(fields["hash"]))


def _fault(checkpoint: Checkpoint, keys: KeySet) -> str:
    try:
        signature = Signature(algorithm="ed25519", key=checkpoint.key, signature=checkpoint.signature)
        keys.verify(checkpoint.signed_bytes(), signature, None, PREFIX)
    except ValidationError:
        return "it holds no Ed25519 signature"
    except ModelRefusedError as error:
        return error.reason
    return ""


def _hash(sequence: int, entry: JournalEntry, previous: str) -> str:
    # As texts: RFC 8785 has no integers above 2^53, and a time in ns is one.
    content = {name: str(value) for name, value in asdict(entry).items()}
    return hashlib.sha256(rfc8785.dumps({**content, "sequence": str(sequence), "previous": previous})).hexdigest()


def _signed(sequence: int, digest: str, removed_to: int, at_ns: int) -> bytes:
    return rfc8785.dumps({"sequence": str(sequence), "hash": digest, "removed_to": str(removed_to), "at_ns": str(at_ns)})
