import torch

from davy_trainer.people.assign import assign, overlaps
from davy_trainer.people.net import cell_centres

CENTRES = cell_centres(64, 64)
NOBODY = torch.zeros(0, 4)


def boxes_round(centres, half):
    return torch.cat([centres[:, :2] - half, centres[:, :2] + half], dim=1)


def test_equal_boxes_overlap_wholly_and_distant_ones_get_a_negative_generalised_overlap():
    a, b = torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[30.0, 0, 40, 10]])
    assert [round(float(each), 3) for each in overlaps(a, a)] == [1.0, 1.0]
    assert overlaps(a, b)[0] == 0 and overlaps(a, b)[1] < 0


def test_the_cells_of_a_person_lie_in_its_box_and_the_best_one_aims_at_its_overlap():
    truth = torch.tensor([[20.0, 10, 40, 50]])
    boxes = boxes_round(CENTRES, torch.tensor([10.0, 20.0]))
    targets = assign(torch.full((len(CENTRES),), 0.5), boxes, CENTRES, truth, NOBODY)
    chosen = targets.quality > 0
    assert 0 < int(chosen.sum()) <= 9
    inside = (CENTRES[chosen, 0] - 30).abs() <= 10
    assert bool(inside.all())
    assert torch.isclose(targets.quality.max(), overlaps(boxes, truth)[0].max())


def test_a_person_smaller_than_a_cell_still_has_a_cell():
    truth = torch.tensor([[13.0, 13, 15, 17]])
    targets = assign(torch.full((len(CENTRES),), 0.1), boxes_round(CENTRES, 4.0), CENTRES, truth, NOBODY)
    assert int((targets.quality > 0).sum()) >= 1


def test_a_person_who_is_hardly_visible_is_neither_wanted_nor_punished():
    targets = assign(
        torch.full((len(CENTRES),), 0.9), boxes_round(CENTRES, 8.0), CENTRES, NOBODY, torch.tensor([[0.0, 0, 32, 64]])
    )
    assert targets.quality.sum() == 0
    assert targets.counts[CENTRES[:, 0] < 31].sum() == 0 and targets.counts[CENTRES[:, 0] > 45].all()
