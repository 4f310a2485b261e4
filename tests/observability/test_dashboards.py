"""Dashboards and alert rules ask for metrics that exist, in files that Prometheus and Grafana take."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "infra" / "prometheus" / "rules.yml"
DASHBOARDS = sorted((ROOT / "infra" / "grafana" / "dashboards").glob("*.json"))
SUFFIXES = ("_bucket", "_sum", "_count")
NAME = re.compile(r"\bdavy_\w+")


def known() -> dict[str, set[str]]:
    """The labels of each documented metric."""
    found = {}
    for line in (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8").splitlines():
        cells = [each.strip() for each in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0].startswith("`davy_"):
            found[cells[0].strip("`")] = set(filter(None, cells[2].split(", ")))
    return found


def base(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def queries(path: Path) -> list[str]:
    page = json.loads(path.read_text(encoding="utf-8"))
    return [target["expr"] for panel in page["panels"] for target in panel["targets"]]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_metric_of_a_dashboard_is_documented(path):
    names = {base(name) for query in queries(path) for name in NAME.findall(query)}
    assert names
    assert names <= known().keys()


def test_every_metric_of_an_alert_rule_is_documented():
    assert {base(name) for rule in rules() for name in NAME.findall(rule["expr"])} <= known().keys()


def test_every_alert_says_what_is_wrong_and_what_to_do():
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description"}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_have_places_of_their_own(path):
    page = json.loads(path.read_text(encoding="utf-8"))
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in page["panels"]]
    assert len(set(places)) == len(places)
    assert page["uid"] == f"davy-{path.stem}"


def test_dashboards_are_what_their_script_writes():
    done = subprocess.run([sys.executable, ROOT / "infra" / "dashboards.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_compose_provisions_dashboards_and_rules():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    mounts = {name: " ".join(services[name]["volumes"]) for name in ("prometheus", "grafana")}
    assert "./infra/prometheus/rules.yml:/etc/prometheus/rules.yml:ro" in mounts["prometheus"]
    assert "./infra/grafana/dashboards:/var/lib/grafana/dashboards:ro" in mounts["grafana"]
    provider = yaml.safe_load((ROOT / "infra/grafana/provisioning/dashboards/davy.yml").read_text())["providers"][0]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    source = yaml.safe_load((ROOT / "infra/grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    assert source["uid"] == "prometheus"
    assert all(services[name]["profiles"] == ["metrics"] for name in mounts)


def promtool(*words: str) -> None:
    if (program := shutil.which("promtool")) is None:
        pytest.skip("no promtool: Debian's package prometheus")
    done = subprocess.run([program, *words], cwd=RULES.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_the_rules():
    promtool("check", "rules", "rules.yml")


def test_alerts_rise_when_they_should_and_not_before():
    promtool("test", "rules", "rules_test.yml")


def test_promtool_takes_the_configuration():
    promtool("check", "config", "--syntax-only", "prometheus.yml")


def test_promtool_takes_every_query_of_the_dashboards(tmp_path):
    asked = [query.replace("$__rate_interval", "5m") for path in DASHBOARDS for query in queries(path)]
    groups = [{"name": "queries", "rules": [{"record": f"q:{place}", "expr": query} for place, query in enumerate(asked)]}]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": groups}))
    promtool("check", "rules", "--lint=none", str(tmp_path / "queries.yml"))
