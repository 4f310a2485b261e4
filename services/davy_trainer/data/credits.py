"""Credits of weights: author, licence and source of every training photograph, as the licences require."""

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from davy.domain.errors import ConfigError

NEEDED = ("file", "source", "licence", "author")
MIT_GROUPS = {
    "subt_indoor": "MIT, robotika/subt-artf",
    "underground": "MIT, robotika/subt-artf",
}  # groups without manifest


def write_credits(manifest: Path, names: Sequence[str], out: Path) -> int:
    """Write a Markdown file that credits the photographs of these names, by licence, then by source.

    Args:
        manifest: CSV with at least the columns of NEEDED.
        names: FOLDER/GROUP/FILE, as in a packed data file.

    Returns:
        Number of credited photographs.

    Raises:
        ConfigError: The manifest cannot be read, lacks a column, or lacks a photograph.
    """
    rows = _rows(manifest)
    by_licence: defaultdict[str, list[str]] = defaultdict(list)
    groups: Counter[str] = Counter()
    for name in names:
        group = name.split("/")[1] if name.count("/") > 1 else ""
        row = next((rows[key] for key in (name, f"train/{name}") if key in rows), None)
        if row is not None:
            author = row["author"] or "author not stated"
            by_licence[row["licence"]].append(f"{author} ({row['source']}, {row.get('original_path') or row['file']})")
        elif group in MIT_GROUPS:
            groups[MIT_GROUPS[group]] += 1
        else:
            raise ConfigError(f"{manifest} does not list {name}: its licence is unknown")
    lines = ["# Credits", "", f"The weights were trained on {len(names)} photographs, and on a simulated mine.", ""]
    lines += [f"- {terms}: {count} photographs" for terms, count in sorted(groups.items())]
    for licence in sorted(by_licence):
        lines += ["", f"## {licence}", "", *(f"- {line}" for line in sorted(by_licence[licence]))]
    out.write_text("\n".join(lines) + "\n")
    return len(names)


def _rows(manifest: Path) -> dict[str, dict[str, str]]:
    try:
        with manifest.open(newline="") as file:
            reader = csv.DictReader(file)
            if missing := [name for name in NEEDED if name not in (reader.fieldnames or [])]:
                raise ConfigError(f"{manifest} has no column {missing[0]}")
            return {row["file"]: row for row in reader}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{manifest} cannot be read: {error}") from error
