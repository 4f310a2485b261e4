"""What the faults share."""

from tests.davy_edge.conftest import pictures

__all__ = ["pictures"]
