"""The manual: it builds strictly, loads nothing from another host, and its lists are complete."""

import re
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

import davy
from davy.domain.topics import AlarmTopics, CameraTopics, EdgeTopics, HomeAssistantTopics

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


class Loads(HTMLParser):
    """Addresses that a browser loads by itself for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if tag == "link" and facts.get("rel") in ("canonical", "prev", "next"):
            return
        for name in {"link": ["href"], "script": ["src"], "img": ["src"], "iframe": ["src"], "source": ["src", "srcset"]}.get(
            tag, []
        ):
            self.found.append(facts.get(name) or "")


@pytest.mark.system
def test_manual_builds_strictly_and_loads_nothing_from_another_host(tmp_path: Path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 100
    foreign = set()
    for page in pages:
        parser = Loads()
        parser.feed(page.read_text(encoding="utf-8"))
        foreign |= {(page.name, address) for address in parser.found if re.match(r"(https?:)?//", address)}
    styles = [
        path for path in (tmp_path / "site").rglob("*.css") if re.search(r"url\([\"']?(https?:)?//", path.read_text("utf-8"))
    ]
    assert foreign == set()
    assert styles == []


def test_decisions_are_numbered_without_a_gap_and_all_listed():
    records = sorted(path.name for path in (DOCS / "decisions").glob("[0-9]*.md"))
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    assert re.findall(r"\]\((\d{4}[^)]+)\)", (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")) == records


def test_asyncapi_describes_every_topic():
    document = yaml.safe_load((DOCS / "reference" / "asyncapi.yaml").read_text(encoding="utf-8"))
    described = {channel["address"] for channel in document["channels"].values()}
    edge = EdgeTopics("site", "edge")
    topics = {
        *_topics(edge),
        *_topics(edge.camera("camera")),
        *_topics(AlarmTopics("site", "alarm_id")),
        *_topics(HomeAssistantTopics("site", "id")),
    }
    topics = {topic.replace("/id/", "/{device}/").replace("davy-site", "davy-{site}") for topic in topics}
    assert described == {re.sub(r"/(site|edge|camera|alarm_id)(?=/|$)", r"/{\1}", topic) for topic in topics}
    assert {operation["bindings"]["mqtt"]["qos"] for operation in document["operations"].values()} == {0, 1}


def _topics(topics: EdgeTopics | CameraTopics | AlarmTopics | HomeAssistantTopics) -> set[str]:
    names = [name for name, value in vars(type(topics)).items() if isinstance(value, property) and name != "base"]
    return {getattr(topics, name) for name in names}


def test_python_page_lists_every_public_name():
    text = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    listed = re.findall(r"members: \[([^]]+)\]", text)[0].split(", ")
    assert set(listed) == set(davy.__all__) - {"__version__"}


def test_every_file_in_the_table_of_changes_exists():
    text = (DOCS / "how-to" / "develop.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:shared|services|tests|docs|infra|examples|proto)/[\w/.-]+)`", text)
    assert len(paths) > 30
    assert [path for path in paths if "NAME" not in path and not (ROOT / path).exists()] == []


def test_licence_is_stated_alike_in_the_text_and_the_package():
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    assert [name for name in project["license-files"] if not (ROOT / name).is_file()] == []
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").split()[:4] == ["Apache", "License", "Version", "2.0,"]
