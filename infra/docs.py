"""Generate the reference of the manual from the code, or with --check say which pages are stale."""

import json
import sys
from pathlib import Path

from docs_access import permissions_page
from docs_cli import cli_page
from docs_errors import errors_page
from docs_metrics import metrics_page
from docs_proto import proto_page
from docs_rest import openapi_documents, rest_page
from docs_settings import settings_page, training_page
from docs_sources import ROOT
from docs_topics import asyncapi, event_schema, topics_page

REFERENCE = ROOT / "docs" / "reference"


def pages() -> dict[Path, str]:
    """Every generated file below docs/reference and its text."""
    documents = openapi_documents()
    return {
        Path("cli.md"): cli_page(),
        Path("settings.md"): settings_page(),
        Path("training-settings.md"): training_page(),
        Path("metrics.md"): metrics_page(),
        Path("errors.md"): errors_page(),
        Path("permissions.md"): permissions_page(),
        Path("grpc.md"): proto_page(),
        Path("topics.md"): topics_page(),
        Path("asyncapi.yaml"): asyncapi(),
        Path("event.schema.json"): event_schema(),
        **{Path(f"rest-{name}.md"): rest_page(name, document) for name, document in documents.items()},
        **{Path("openapi", f"{name}.json"): json.dumps(document, indent=1) + "\n" for name, document in documents.items()},
    }


def main() -> int:
    """Write the pages, or compare them.

    Returns:
        The exit status: 0 written or fresh, 1 stale.
    """
    fresh = pages()
    if "--check" in sys.argv:
        stale = [str(name) for name, text in fresh.items() if not _holds(REFERENCE / name, text)]
        if stale:
            print(f"docs/reference is stale ({', '.join(stale)}): run `make docs-reference`")
        return 1 if stale else 0
    for name, text in fresh.items():
        (REFERENCE / name).parent.mkdir(parents=True, exist_ok=True)
        (REFERENCE / name).write_text(text, encoding="utf-8")
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
