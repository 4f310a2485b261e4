"""A load on a real aggregator: its own process, broker, certificates and tokens."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from davy.site import SiteConfig
from davy_bench.load.cli import app
from davy_bench.load.figures import Figures
from davy_bench.load.isolation import measure_isolation
from davy_bench.load.local import site_of
from davy_bench.load.pictures import jpeg_pictures, video_packets
from davy_bench.load.plan import LoadPlan
from davy_bench.load.report import as_json, table
from davy_bench.load.run import LoadResult
from davy_bench.load.scale import measure_replicas


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr("davy_bench.load.run.SETTLE_S", 0.5)


def load(*options):
    return CliRunner().invoke(app, ["--edges", "3", "--cameras", "2", "--viewers", "2", "--tiles", "2", *options])


@pytest.mark.system
def test_a_load_reaches_a_closed_aggregator_and_its_viewers_and_nothing_is_lost(tmp_path):
    out = tmp_path / "result.json"
    found = load("--fps", "4", "--events", "5", "--seconds", "2", "--size", "320x180", "--processes", "1", "--out", str(out))
    assert found.exit_code == 0, found.output
    result = json.loads(out.read_text())
    assert result["connected_edges"] == 3 and result["errors"] == []
    assert result["frames"]["captured"] > 0.8 * 3 * 2 * 4 * 2
    assert result["frames"]["lost"] == 0
    assert result["viewers"]["pictures"] > 0 and result["viewers"]["age_ms"]["p99"] < 1500
    assert result["viewers"]["states"] > 0 and result["events"]["stored"] > 0
    assert 0 < result["aggregators"][0]["cores"] < 4 and result["aggregators"][0]["scrape_bytes"] > 1000


@pytest.mark.system
def test_two_sites_under_load_have_a_row_each_and_the_flood_is_of_one(tmp_path):
    out = tmp_path / "result.json"
    options = ("--sites", "2", "--fps", "2", "--flood", "load-2=4", "--seconds", "2", "--size", "320x180", "--out", str(out))
    found = load(*options)
    assert found.exit_code == 0, found.output
    assert {"load-1", "load-2"} <= set(found.output.split())
    calm, flooding = json.loads(out.read_text())["sites"]
    assert calm["connected_edges"] == flooding["connected_edges"] == 3
    assert calm["errors"] == flooding["errors"] == []
    assert flooding["frames"]["captured"] > 3 * calm["frames"]["captured"] > 0
    assert calm["frames"]["lost"] == 0
    assert calm["viewers"]["pictures"] > 0 and calm["viewers"]["age_ms"]["p99"] < 1500
    assert all(site["aggregators"][0]["cores"] > 0 for site in (calm, flooding))


@pytest.mark.slow
def test_two_aggregators_behind_a_proxy_take_a_load_together():
    plan = LoadPlan(edges=6, cameras=2, fps=4, viewers=2, tiles=2, events=5, seconds=4)
    result = measure_replicas(plan, jpeg_pictures((320, 180)), 2, pin=False)
    assert result.connected == 6 and result.lost == 0
    assert len(result.usage) == 2 and all(usage.cores > 0 for usage in result.usage)


@pytest.mark.slow
def test_sites_on_one_database_are_measured_without_and_with_a_flood():
    plan = LoadPlan("site", edges=3, cameras=1, fps=4, viewers=1, tiles=2, seconds=3)
    found = measure_isolation(plan, jpeg_pictures((320, 180)), 2, 4.0, 1)
    calm, flooded = found.last
    assert flooded[0].figures.counts["captured"] > 3 * calm[0].figures.counts["captured"] > 0
    assert found.age_ratio > 0 and found.credit_ratio > 0
    assert found.calm.counts["captured"] == found.calm.counts["accepted"] > 0


@pytest.mark.slow
def test_a_site_above_its_quota_gets_no_more_and_the_others_lose_nothing():
    plan = LoadPlan("site", edges=4, cameras=1, fps=4, viewers=1, tiles=2, seconds=4)
    found = measure_isolation(plan, jpeg_pictures((320, 180)), 2, 10.0, 1, quota=32.0)
    flooding, other = (result.figures.counts for result in found.last[1])
    assert flooding["captured"] > 500
    assert 64 < flooding["accepted"] < 200  # 32 a second
    assert other["captured"] == other["accepted"] > 0


def test_the_site_of_a_load_is_a_valid_site():
    site = SiteConfig.model_validate(site_of(LoadPlan(site="mine", edges=2, cameras=3)))
    assert len(site.camera_ids()) == 6 and site.site == "mine"


def test_the_site_can_be_written_for_an_aggregator_elsewhere(tmp_path):
    path = tmp_path / "site.yaml"
    assert load("--site-file", str(path)).exit_code == 0
    assert len(yaml.safe_load(path.read_text())["edges"]) == 3


def test_each_site_has_a_file_of_its_own(tmp_path):
    assert load("--sites", "2", "--site-file", str(tmp_path / "{site}.yaml")).exit_code == 0
    assert sorted(yaml.safe_load(path.read_text())["site"] for path in tmp_path.iterdir()) == ["load-1", "load-2"]
    assert load("--sites", "2", "--site-file", str(tmp_path / "one.yaml")).exit_code == 2


def test_tokens_of_sites_elsewhere_are_read_from_a_file(tmp_path):
    path = tmp_path / "tokens.yaml"
    path.write_text("load-1: abc\n")
    options = ("--sites", "2", "--aggregator", "grpc://{site}:9", "--console", "http://{site}:9", "--tokens", str(path))
    found = load(*options)
    assert found.exit_code == 2 and "no token of load-2" in " ".join(found.output.split())


def test_viewers_of_an_aggregator_elsewhere_need_its_console():
    found = load("--aggregator", "grpc://127.0.0.1:9")
    assert found.exit_code == 2


def test_packets_of_a_second_begin_with_a_key_frame():
    made = video_packets((320, 180), 5.0)
    assert len(made.data) == 5 and made.keys[0] and not any(made.keys[1:])


def test_a_generator_that_is_late_says_so():
    figures = Figures(late_s=[0.5] * 100, cpu_s=[0.1], span_s=1.0)
    result = LoadResult(LoadPlan(edges=1, viewers=0), figures, 1, ())
    assert as_json(result)["generator"]["is_bottleneck"]
    assert any("TOO SLOW" in line for line in table(result))
