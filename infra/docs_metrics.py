"""Reference of the metrics, from the calls that create them."""

import ast
from collections.abc import Iterator

from docs_markdown import cell, code, page, sentence, table
from docs_sources import trees

KINDS = {"Counter": "counter", "Gauge": "gauge", "Histogram": "histogram", "Summary": "summary", "Info": "info"}
FAMILIES = {"GaugeMetricFamily": "gauge", "CounterMetricFamily": "counter"}
INTRO = """
Every service exports Prometheus metrics at `GET /metrics`; an edge does so where `DAVY_EDGE_METRICS_PORT` is set.
[Accounting and ages](../explanation/accounting.md) explains the frame counters.
"""


def metrics_page() -> str:
    """The page with every metric's name, kind, labels, meaning and module."""
    found: dict[str, tuple[str, ...]] = {}
    for row in sorted(_metrics(), key=lambda row: (row[0], -len(row[2]))):
        found.setdefault(row[0].removesuffix("`").removesuffix("_total"), row)  # a family repeats the counter that it copies
    rows = sorted(found.values())
    return page("Metrics", INTRO, table(("metric", "kind", "labels", "meaning", "module"), rows))


def _metrics() -> Iterator[tuple[str, ...]]:
    for path, tree in trees():
        names = _constants(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or len(node.args) < 2:
                continue
            kind = (KINDS | FAMILIES).get(node.func.id)
            name = node.args[0]
            if kind and isinstance(name, ast.Constant) and str(name.value).startswith("davy_"):
                meaning = _text(node.args[1])
                labels = _labels(node, names)
                module = ".".join(path.with_suffix("").parts[1:])
                counted = node.func.id == "CounterMetricFamily"  # exported with this ending
                exported = f"{str(name.value).removesuffix('_total')}_total" if counted else str(name.value)
                yield code(exported), kind, cell(", ".join(labels)), cell(sentence(str(meaning))), code(module)


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=text):
            return str(text)
        case ast.JoinedStr(values=parts):
            return "".join(part.value if isinstance(part, ast.Constant) else "N" for part in parts)
    return ast.unparse(node)


def _labels(call: ast.Call, names: dict[str, ast.expr]) -> list[str]:
    given = (
        call.args[2]
        if len(call.args) > 2
        else next((k.value for k in call.keywords if k.arg in ("labelnames", "labels")), None)
    )
    return list(_strings(given, names)) if given is not None else []


def _strings(node: ast.expr, names: dict[str, ast.expr]) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _strings(part, names)
        case ast.Starred(value=inner):
            yield from _strings(inner, names)
        case ast.Name(id=name) if name in names:
            yield from _strings(names[name], names)


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple() | ast.List() as value):
                found[name] = value
            case ast.Assign(targets=[ast.Tuple(elts=left)], value=ast.Tuple(elts=right)) if len(left) == len(right):
                found |= {target.id: value for target, value in zip(left, right, strict=True) if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Tuple() as value):
                found[name] = value
    return found
