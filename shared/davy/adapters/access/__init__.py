"""Access control on the wires: who calls, and whether the table of permissions lets them."""
