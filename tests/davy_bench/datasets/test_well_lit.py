from davy_bench.datasets.well_lit import psnr_table, well_lit_cases
from davy_bench.methods.methods import select_methods
from davy_bench.quality.scores import score


def test_each_picture_is_its_own_reference(folders):
    case = well_lit_cases(folders[1])[0]
    low, reference = case.load()
    assert low is reference


def test_the_table_has_median_and_worst_with_the_name_of_the_worst_picture(folders, still):
    scores = score("x", well_lit_cases(folders[1]), select_methods(["gamma 2.2"], still), still.model, lambda done, total: None)
    lines = psnr_table(scores)
    assert len(lines) == 4  # without raw, which equals its reference
    values = scores.column("psnr_db")
    assert f"{min(values):.2f}" in lines[-1]
    assert scores.rows[values.index(min(values))].case.name in lines[-1]
