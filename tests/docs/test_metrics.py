import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]
CREATED = re.compile(r"""\b(?:Counter|Gauge|Histogram|Summary|Info|\w+MetricFamily)\(\s*f?["'](davy_[^"']+)["']""")


def test_every_metric_of_the_code_stands_on_the_page():
    names = [row[0].strip("`") for row in ROWS]
    files = [*ROOT.glob("shared/davy/**/*.py"), *ROOT.glob("services/*/**/*.py")]
    made = {name for path in files for name in CREATED.findall(path.read_text(encoding="utf-8"))}
    assert len(made) > 40
    for name in made:
        pattern = re.sub(r"\{\w+\}", r"\\w+", name.removesuffix("_total")) + "(_total)?"
        assert any(re.fullmatch(pattern, each) for each in names), f"{name}: name its class in infra/docs_metrics.py"


def test_every_metric_has_a_help_sentence_and_every_counter_its_suffix():
    for name, kind, _, meaning, module in ROWS:
        assert meaning.endswith("."), name
        assert len(meaning.split()) > 1, name
        assert module, name
        assert (kind == "counter") == name.strip("`").endswith("_total"), name
