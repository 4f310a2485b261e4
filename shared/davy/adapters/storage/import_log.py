"""Files of version 0.1.0 that were imported, or whose import was begun."""

from sqlalchemy import Boolean, Column, Table, Text

from davy.adapters.storage.schema import metadata

imported_file = Table(
    "imported_file",
    metadata,
    Column("path", Text, primary_key=True),
    Column("complete", Boolean, nullable=False),
)
