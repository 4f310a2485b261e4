"""MkDocs hook: the changelog page is CHANGELOG.md, its links as they are inside docs/."""

from pathlib import Path
from typing import Any

CHANGELOG = Path(__file__).resolve().parents[1] / "CHANGELOG.md"


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:  # MkDocs' Page has no types of its own
    """Replace the text of changelog.md."""
    if page.file.src_uri != "changelog.md":
        return markdown
    return (
        CHANGELOG.read_text(encoding="utf-8")
        .replace("](docs/", "](")
        .replace("](ARCHITECTURE.md", "](explanation/architecture.md")
    )
