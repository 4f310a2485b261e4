"""The only importers of wire libraries: each module answers one port of `davy.domain.ports` with something real."""
