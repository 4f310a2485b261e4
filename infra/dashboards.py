"""Write Grafana's dashboards, infra/grafana/dashboards/*.json; with --check say which are stale.

A panel is a title, its unit and its queries. Fleet, site and training show sums, whatever the number of cameras; single cameras
are asked of their edges.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "infra" / "grafana" / "dashboards"
WIDTH, HEIGHT, COLUMNS = 8, 8, 3
SOURCE = {"type": "prometheus", "uid": "prometheus"}


@dataclass(frozen=True)
class Panel:
    """A graph; queries are written legend: PromQL."""

    title: str
    unit: str
    queries: Mapping[str, str]
    help: str = ""


@dataclass(frozen=True)
class Dashboard:
    """A page; variables are written name: metric that has it as a label."""

    uid: str
    title: str
    panels: Sequence[Panel]
    variables: Mapping[str, str] = field(default_factory=dict)


def age(metric: str, by: str = "", where: str = "") -> dict[str, str]:
    """Median and 99th percentile of a histogram of ages or durations."""
    labels, legend = f"le, {by}" if by else "le", f" {{{{{by}}}}}" if by else ""
    rate = f"sum by ({labels}) (rate({metric}_bucket{where}[$__rate_interval]))"
    return {f"p50{legend}": f"histogram_quantile(0.5, {rate})", f"p99{legend}": f"histogram_quantile(0.99, {rate})"}


def rate(metric: str, by: str = "", where: str = "") -> dict[str, str]:
    """Events per second."""
    if not by:
        return {"all": f"sum(rate({metric}{where}[$__rate_interval]))"}
    return {" ".join(f"{{{{{each}}}}}" for each in by.split(", ")): f"sum by ({by}) (rate({metric}{where}[$__rate_interval]))"}


ONE = '{edge=~"$edge", camera=~"$camera"}'
DASHBOARDS = (
    Dashboard(
        "davy-fleet",
        "Davy: fleet",
        (
            Panel("Services that answer", "short", {"{{job}}": "sum by (job) (up)"}),
            Panel(
                "Edges", "short", {"online": "sum(davy_aggregator_edge_online)", "known": "count(davy_aggregator_edge_online)"}
            ),
            Panel(
                "Leading aggregators",
                "short",
                {"leads": "sum(davy_aggregator_leads)"},
                "1. More or fewer decide nothing, or twice.",
            ),
            Panel("Frames received", "reqps", rate("davy_aggregator_frames_received_total", "via")),
            Panel("Age of frames on receipt", "s", age("davy_aggregator_frame_age_seconds", where='{stage="received"}')),
            Panel("Bytes received", "Bps", rate("davy_aggregator_received_bytes_total", "via")),
            Panel("Frames not delivered", "reqps", rate("davy_aggregator_frames_dropped_total", "stage, reason")),
            Panel("Dependencies", "bool_yes_no", {"{{dependency}}": "min by (dependency) (davy_aggregator_dependency_up)"}),
            Panel(
                "Restarted components",
                "short",
                {"{{component}}": "sum by (component) (increase(davy_component_restarts_total[10m]))"},
            ),
            Panel("Memory", "bytes", {"{{job}} {{instance}}": "process_resident_memory_bytes"}),
            Panel("Processors", "percentunit", {"{{job}} {{instance}}": "rate(process_cpu_seconds_total[$__rate_interval])"}),
            Panel(
                "Certificates end in",
                "s",
                {"{{identity}}": "min by (identity) (davy_certificate_expiry_timestamp_seconds) - time()"},
            ),
        ),
    ),
    Dashboard(
        "davy-site",
        "Davy: site",
        (
            Panel("Alarms", "short", {"{{state}}": "sum by (state) (davy_alarms)"}),
            Panel("Events stored", "reqps", rate("davy_aggregator_events_stored_total", "severity")),
            Panel("Time to store events", "s", age("davy_aggregator_commit_duration_seconds")),
            Panel("Frames sent to viewers", "reqps", rate("davy_aggregator_frames_sent_total", "via")),
            Panel("Age of frames when shown", "s", age("davy_aggregator_frame_age_seconds", "stage", '{stage!="received"}')),
            Panel("Live streams", "short", {"{{via}}": "sum by (via) (davy_aggregator_subscribers)"}),
            Panel(
                "Cameras of analysers",
                "short",
                {"{{instance}}": "davy_analyser_cameras", "nobody's": "sum(davy_analysis_cameras_unassigned)"},
            ),
            Panel("Time of each analyser", "s", age("davy_analysis_duration_seconds", "analyser")),
            Panel("Age of analysed frames", "s", age("davy_analysis_age_seconds")),
            Panel("Enhancer: time by stage", "s", age("davy_enhance_stage_seconds", "stage")),
            Panel("Messages of escalation", "reqps", rate("davy_alarm_notices_total", "target, result")),
            Panel(
                "Stored",
                "bytes",
                {
                    "events": "sum(davy_aggregator_archive_bytes)",
                    "video": "sum(davy_recording_bytes)",
                    "samples": "sum(davy_samples_bytes)",
                    "journal": "sum(davy_journal_bytes)",
                },
            ),
            Panel(
                "Refused",
                "reqps",
                rate("davy_aggregator_refused_total", "via, error") | rate("davy_access_refused_total", "wire, reason"),
            ),
        ),
    ),
    Dashboard(
        "davy-camera",
        "Davy: camera",
        (
            Panel("Frames captured", "reqps", rate("davy_frames_captured_total", "edge, camera", ONE)),
            Panel("Frames dropped", "reqps", rate("davy_frames_dropped_total", "stage, reason", ONE)),
            Panel("Frames sent", "reqps", rate("davy_frames_sent_total", "sink", ONE)),
            Panel("Age after each stage", "s", age("davy_frame_age_seconds", "stage", ONE)),
            Panel("Time of each stage", "s", age("davy_stage_duration_seconds", "stage", ONE)),
            Panel("Frames in flight", "short", {"{{edge}}/{{camera}}": f"davy_frames_in_flight{ONE}"}),
            Panel("Drift of the light", "short", {"{{edge}}/{{camera}}": f"davy_edge_drift{ONE}"}, "1 is a clear change."),
            Panel(
                "Video", "bps", {"{{variant}}": f"8 * sum by (variant) (rate(davy_video_bytes_total{ONE}[$__rate_interval]))"}
            ),
            Panel("Link of the edge", "Bps", {"{{edge}}": 'davy_edge_link_bandwidth{edge=~"$edge"}'}),
            Panel(
                "Quality level for the link",
                "short",
                {"{{edge}}": 'davy_edge_link_level{edge=~"$edge"}'},
                "0: full quality, size and rate.",
            ),
            Panel("Recorded on the edge", "bytes", {"{{edge}}": 'davy_edge_ring_bytes{edge=~"$edge"}'}),
            Panel("Events that were lost", "short", {"{{edge}}": 'davy_edge_spool_events_dropped{edge=~"$edge"}'}),
        ),
        {"edge": "davy_frames_captured_total", "camera": "davy_frames_captured_total"},
    ),
    Dashboard(
        "davy-training",
        "Davy: training",
        (
            Panel("A run is on", "bool_yes_no", {"{{instance}}": "davy_training_running"}),
            Panel("Steps of the stage", "short", {"{{instance}}": "davy_training_step"}),
            Panel("Ended runs", "short", {"{{kind}} {{state}}": "sum by (kind, state) (davy_training_runs_total)"}),
            Panel("Started by themselves", "short", {"{{trigger}}": "sum by (trigger) (davy_training_triggers_total)"}),
            Panel("Drift of pictures", "short", {"{{camera}}": "topk(10, davy_training_embedding_drift)"}, "The ten largest."),
            Panel("Drift of light", "short", {"{{edge}}/{{camera}}": "topk(10, davy_edge_drift)"}, "The ten largest."),
            Panel("Samples", "bytes", {"stored": "sum(davy_samples_bytes)"}),
            Panel("Samples received", "reqps", rate("davy_samples_received_total", "outcome")),
            Panel("Runs that resumed", "short", {"{{instance}}": "davy_training_resumed_total"}),
        ),
    ),
    Dashboard(
        "davy-rollouts",
        "Davy: rollouts",
        (
            Panel(
                "Models that edges accepted", "short", {"epoch {{edge}}": "davy_model_epoch"}, "The epoch of the desired model."
            ),
            Panel("Configurations that edges accepted", "short", {"epoch {{edge}}": "davy_config_epoch"}),
            Panel("Swaps", "short", {"{{edge}}": "sum by (edge) (increase(davy_model_swaps_total[1h]))"}),
            Panel(
                "Refused or rolled back",
                "short",
                {"{{edge}} {{cause}}": "sum by (edge, cause) (increase(davy_model_refused_total[1h]))"},
            ),
            Panel(
                "Desired models by decision",
                "short",
                {"{{verdict}}": "sum by (verdict) (increase(davy_model_desired_total[1h]))"},
            ),
            Panel(
                "Desired configurations by decision",
                "short",
                {"{{verdict}}": "sum by (verdict) (increase(davy_config_desired_total[1h]))"},
            ),
            Panel("Time to enhance a frame", "s", age("davy_stage_duration_seconds", where='{stage="enhance"}')),
            Panel("Frames with an error", "reqps", rate("davy_frames_dropped_total", "edge", '{reason="error"}')),
            Panel(
                "Desired models of the past", "short", {"{{edge}}": "sum by (edge) (increase(davy_model_replays_total[1h]))"}
            ),
            Panel(
                "Analysers by detector",
                "short",
                {"{{model}} {{state}}": "sum by (model, state) (davy_analysis_detectors)"},
                "`unknown` follows no rollouts.",
            ),
        ),
    ),
)


def as_json(dashboard: Dashboard) -> str:
    """The file of a dashboard."""
    variables = [
        {
            "name": name,
            "label": name.capitalize(),
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": f"label_values({metric}, {name})", "refId": "A"},
            "refresh": 2,
            "includeAll": True,
            "multi": True,
            "current": {"text": "All", "value": "$__all"},
        }
        for name, metric in dashboard.variables.items()
    ]
    found = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["davy"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [{"type": "dashboards", "tags": ["davy"], "title": "Davy", "asDropdown": True, "keepTime": True}],
        "templating": {"list": variables},
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard.panels)],
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.help,
        "datasource": SOURCE,
        "gridPos": {"x": number % COLUMNS * WIDTH, "y": number // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0 if panel.unit != "s" else None}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            {"refId": chr(ord("A") + place), "expr": query, "legendFormat": legend, "datasource": SOURCE}
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def main() -> int:
    """Write the files, or check them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale = []
    for dashboard in DASHBOARDS:
        path, now = FOLDER / f"{dashboard.uid.removeprefix('davy-')}.json", as_json(dashboard)
        if not path.is_file() or path.read_text(encoding="utf-8") != now:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(now, encoding="utf-8")
    if "--check" in sys.argv and stale:
        print(f"{', '.join(stale)} in infra/grafana/dashboards are stale: python infra/dashboards.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
