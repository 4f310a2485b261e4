"""The only importers of wire libraries: each module answers one port of `davy.ports` with something real."""
