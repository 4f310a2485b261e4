import pytest

from davy_trainer.evaluation.ablation_table import differences, markdown

WHOLE = "the whole recipe"
FIGURES = {
    "start": [{"mine_psnr_db": 15.0}],
    WHOLE: [{"mine_psnr_db": 18.0}, {"mine_psnr_db": 18.4}],
    "without refinement": [{"mine_psnr_db": 17.0}, {"mine_psnr_db": 17.3}],  # -1.0 and -1.1
    "without colour constancy": [{"mine_psnr_db": 18.2}, {"mine_psnr_db": 18.3}],  # +0.2 and -0.1
}


def test_a_difference_counts_when_it_is_larger_than_its_spread():
    found = differences(FIGURES, WHOLE)
    lost = found["without refinement"]["mine_psnr_db"]
    assert lost.mean == pytest.approx(-1.05) and lost.spread == pytest.approx(0.1) and lost.significant
    nothing = found["without colour constancy"]["mine_psnr_db"]
    assert nothing.mean == pytest.approx(0.05) and nothing.spread == pytest.approx(0.3) and not nothing.significant


def test_the_table_says_no_difference_plainly():
    rows = {line.split("|")[1].strip(): line for line in markdown(FIGURES, WHOLE).splitlines() if line.startswith("|")}
    assert "18.20 (0.40)" in rows[WHOLE] and "15.00" in rows["start"]
    assert "**-1.05** (0.10)" in rows["without refinement"] and "PSNR / dB down" in rows["without refinement"]
    assert "no difference" in rows["without colour constancy"]


def test_one_seed_claims_nothing():
    one = {name: by_seed[:1] for name, by_seed in FIGURES.items()}
    assert "no difference is significant" in markdown(one, WHOLE) and "**" not in markdown(one, WHOLE)
