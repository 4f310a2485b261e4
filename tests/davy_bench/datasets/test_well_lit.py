from davy_bench.datasets.well_lit import spread_table, well_lit_cases
from davy_bench.methods.methods import choose
from davy_bench.quality.scores import score


def test_each_picture_is_its_own_reference(folders):
    case = well_lit_cases(folders[1])[0]
    low, truth = case.load()
    assert low is truth


def test_median_and_worst_are_told_with_the_worst_picture(folders, still):
    scores = score("x", well_lit_cases(folders[1]), choose(["gamma 2.2"], still), still.model, lambda done, total: None)
    lines = spread_table(scores)
    assert len(lines) == 4  # raw is left out: it is the picture itself
    values = scores.column("psnr_db")
    assert f"{min(values):.2f}" in lines[-1]
    assert scores.rows[values.index(min(values))].case.name in lines[-1]
