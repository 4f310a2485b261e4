"""Metrics as Markdown and as JSON."""

from collections.abc import Mapping, Sequence

from davy_bench.methods.methods import RAW
from davy_bench.quality.measure import MEASURES, Figures, Measure
from davy_bench.quality.scores import Scores


def markdown(scores: Scores) -> str:
    """The means of every method, overall and per group if there are several."""
    lines = [f"{scores.title}: {len(scores.rows)} pictures, Davy with {scores.model}", "", *method_table(scores.means())]
    if len(scores.groups) > 1:
        for group in scores.groups:
            lines += ["", f"{group or 'top folder'}:", "", *method_table(scores.means(group))]
    if scores.skipped:
        lines += ["", f"{len(scores.skipped)} skipped:", "", *(f"- {reason}" for reason in scores.skipped)]
    return "\n".join(lines)


def method_table(means: Mapping[str, Figures], metrics: Sequence[Measure] = MEASURES) -> list[str]:
    """A row per method, a column per metric; the best except raw is bold."""
    measures = [measure for measure in metrics if measure.key in next(iter(means.values()))]
    best = {measure.key: _best(measure, means) for measure in measures}
    rows = [
        [name, *(_cell(measure, figures[measure.key], best[measure.key], name) for measure in measures)]
        for name, figures in means.items()
    ]
    return grid(["method", *(measure.title for measure in measures)], rows)


def grid(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; all columns except the first are right-aligned."""
    return [_line(titles), _line([":---", *(["---:"] * (len(titles) - 1))]), *(_line(row) for row in rows)]


def as_json(scores: Scores) -> dict[str, object]:
    """Means, and the metrics of every picture."""
    return {
        "title": scores.title,
        "model": scores.model,
        "pictures": len(scores.rows),
        "skipped": list(scores.skipped),
        "means": _rounded(scores.means()),
        "groups": {group: _rounded(scores.means(group)) for group in scores.groups} if len(scores.groups) > 1 else {},
        "each": [{"name": row.case.name, "group": row.case.group, "figures": _rounded(row.figures)} for row in scores.rows],
    }


def _rounded(figures: Mapping[str, Figures]) -> dict[str, Figures]:
    """Round to four decimals."""
    return {method: {key: round(value, 4) for key, value in values.items()} for method, values in figures.items()}


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(measure: Measure, value: float, best: float | None, method: str) -> str:
    text = f"{value:.{measure.digits}f}"
    return f"**{text}**" if method != RAW and best is not None and text == f"{best:.{measure.digits}f}" else text


def _best(measure: Measure, means: Mapping[str, Figures]) -> float | None:
    values = [figures[measure.key] for name, figures in means.items() if name != RAW]
    if measure.better is None or len(values) < 2:
        return None
    return max(values) if measure.better == "high" else min(values)
