"""The metadata and the column types that all tables share."""

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

RowId = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER PRIMARY KEY counts by itself in SQLite


def storable_text(text: str) -> str:
    """Replace NUL characters, which PostgreSQL stores in no text, by U+FFFD."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
