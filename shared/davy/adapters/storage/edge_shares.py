"""What each edge takes of an archive: a full one takes from the largest, so that no edge pushes out what others reported."""

from collections import Counter
from typing import Any

from sqlalchemy import Connection, Select

RECOUNT_SHARE = 20  # a count reads every row: it is repeated after a twentieth is gone


class EdgeShares:
    """Weighs the rows of each edge now and then.

    Args:
        weights: Selects (edge, weight of its rows).
    """

    def __init__(self, weights: Select[Any]) -> None:
        self._select, self._weights, self._until_recount = weights, Counter[str](), 0

    def largest(self, connection: Connection) -> str:
        """The edge that takes most; empty without rows."""
        if self._until_recount <= 0:
            self._weights = Counter({edge: int(weight) for edge, weight in connection.execute(self._select)})
            self._until_recount = self._weights.total() // RECOUNT_SHARE
        (edge, _), *_ = self._weights.most_common(1) or [("", 0)]
        return edge

    def deleted(self, edge: str, weight: int) -> None:
        """Note that rows of an edge are gone; 0: it had none, so all are weighed again."""
        self._weights[edge] -= weight
        self._until_recount -= weight or self._until_recount
