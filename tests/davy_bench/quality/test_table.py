import json

from davy_bench.quality.table import as_json, markdown, method_table

MEANS = {
    "raw": {"psnr_db": 30.0, "loe": 0.0, "brightness": 20.0},
    "CLAHE": {"psnr_db": 12.0, "loe": 300.0, "brightness": 40.0},
    "Davy": {"psnr_db": 20.0, "loe": 400.0, "brightness": 100.0},
}


def test_the_best_is_bold_and_raw_never():
    assert method_table(MEANS) == [
        "| method | PSNR / dB | LOE | brightness |",
        "| :--- | ---: | ---: | ---: |",
        "| raw | 30.00 | 0 | 20.0 |",
        "| CLAHE | 12.00 | **300** | 40.0 |",
        "| Davy | **20.00** | 400 | 100.0 |",
    ]


def test_nothing_is_bold_without_baselines():
    assert "**" not in "".join(method_table({name: MEANS[name] for name in ("raw", "Davy")}))


def test_the_page_names_model_count_and_skipped_pictures(scores):
    page = markdown(scores)
    assert page.startswith(f"two pairs: 2 pictures, Davy with {scores.model}")
    assert "skipped" not in page
    broken = type(scores)(scores.title, scores.model, scores.methods, scores.rows, ["x.png is broken"])
    assert "1 skipped:\n\n- x.png is broken" in markdown(broken)


def test_json_has_every_picture(scores):
    data = json.loads(json.dumps(as_json(scores), allow_nan=False))
    assert [each["name"] for each in data["each"]] == ["chelsea", "coffee"]
    assert set(data["each"][0]["figures"]) == {"raw", "CLAHE", "Davy"}
    assert data["pictures"] == 2
