"""`davy init`: a template of site.yaml, with its JSON Schema."""

import json
from pathlib import Path

from davy.domain.errors import ConfigError
from davy.site import BUILT_IN_FILE, FILE_NAME, SiteConfig

SCHEMA_NAME = "site.schema.json"


def schema_text() -> str:
    """Return the JSON Schema of site.yaml, for completion and checks in editors."""
    return json.dumps(SiteConfig.model_json_schema(), indent=2) + "\n"


def write_site(folder: Path) -> list[Path]:
    """Write both files.

    Raises:
        ConfigError: a file exists, or the folder is not writable; no file is overwritten.
    """
    texts = {folder / FILE_NAME: BUILT_IN_FILE.read_text(encoding="utf-8"), folder / SCHEMA_NAME: schema_text()}
    if existing := [str(path) for path in texts if path.exists()]:
        raise ConfigError(f"{existing[0]} already exists: choose another folder, or remove it first")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}") from error
    return list(texts)
