"""Bounds the rows of refused attempts, so that strangers cannot fill the journal: some are recorded, the others counted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from davy.access.journal import JournalEntry

WINDOW_S = 60.0
FULL_WINDOW_S = 3600.0  # once the journal is half full
PER_ADDRESS = 10  # rows in a window
PER_WINDOW = 30  # rows in a window, over all addresses
SUMMARIES = 5  # rows with a count at the end of a window: the busiest addresses
MAX_ADDRESSES = 1000  # counted one by one; further ones together
OTHERS = "other addresses"


class RefusedAttempts:
    """Counts refused attempts by address in windows. Used from one thread.

    Args:
        began_s: When the first window begins, on the steady clock of `summaries`.
    """

    def __init__(self, began_s: float = 0.0) -> None:
        self._began_s = began_s
        self._seen: Counter[str] = Counter()
        self._recorded: Counter[str] = Counter()
        self._last: dict[str, JournalEntry] = {}

    def admit(self, entry: JournalEntry, brief: bool) -> bool:
        """Count an attempt. Return whether it gets a row of its own.

        Args:
            entry: The attempt.
            brief: Count only: the journal is short of space.
        """
        address = entry.address if entry.address in self._seen or len(self._seen) < MAX_ADDRESSES else OTHERS
        self._seen[address] += 1
        if not brief and self._recorded[address] < PER_ADDRESS and self._recorded.total() < PER_WINDOW:
            self._recorded[address] += 1
            return True
        self._last[address] = entry
        return False

    def summaries(self, now_s: float, brief: bool, end: bool = False) -> Iterator[JournalEntry]:
        """Yield rows with the counts of attempts without a row, once the window is over.

        Args:
            now_s: A steady clock.
            brief: The window is an hour, and the row one.
            end: The window ends now.
        """
        if not end and now_s - self._began_s < (FULL_WINDOW_S if brief else WINDOW_S):
            return
        counts = Counter({address: self._seen[address] - self._recorded[address] for address in self._last})
        busiest = counts.most_common(0 if brief else SUMMARIES)
        for address, count in busiest:
            yield self._summary(address, count)
        rest = {address: count for address, count in counts.items() if address not in dict(busiest)}
        if rest:
            newest = max(rest, key=lambda address: self._last[address].at_ns)
            shown = newest if len(rest) == 1 else f"{len(rest)} addresses"
            yield replace(self._summary(newest, sum(rest.values())), address=shown)
        self._began_s = now_s
        self._seen.clear()
        self._recorded.clear()
        self._last.clear()

    def _summary(self, address: str, count: int) -> JournalEntry:
        last, further = self._last[address], "further refused attempts"
        return replace(last, address=address, target=f"{count} {further}; the last: {last.target}"[:512], before="", after="")
