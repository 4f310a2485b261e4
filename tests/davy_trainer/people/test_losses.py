import pytest
import torch

from davy_trainer.people.losses import mine_losses, photograph_losses
from davy_trainer.people.net import BINS, CLASSES, NanoDet, boxes_of, cell_centres

CENTRES = cell_centres(64, 96)
TRUTH = torch.tensor([[20.0, 4, 44, 52]])
NOBODY = torch.zeros(0, 4)


def answer(certain):
    """An output that finds TRUTH at its middle cell, or nobody."""
    output = torch.full((1, len(CENTRES), CLASSES + 4 * BINS), -6.0)
    if certain:
        cell = int(((CENTRES[:, 0] - 28) ** 2 + (CENTRES[:, 1] - 28) ** 2 + (CENTRES[:, 2] - 8) ** 2).argmin())
        output[0, cell, 0] = 6.0
        x, y, stride = CENTRES[cell].tolist()
        for side, distance in enumerate((x - 20, y - 4, 44 - x, 52 - y)):
            output[0, cell, CLASSES + side * BINS + round(distance / stride)] = 20.0
    return output


def test_finding_the_person_costs_less_than_finding_nobody():
    found, missed = (sum(mine_losses(answer(certain), CENTRES, [TRUTH], [NOBODY]).values()) for certain in (True, False))
    assert float(found) < 0.5 * float(missed)


def test_a_box_at_the_wanted_place_is_decoded_again():
    boxes = boxes_of(answer(True)[..., CLASSES:], CENTRES)
    assert float((boxes - TRUTH).abs().sum(-1).min()) < 0.1


def test_a_network_that_answers_as_its_teacher_has_no_gradient_for_its_scores():
    teacher = torch.randn(2, len(CENTRES), CLASSES + 4 * BINS)
    student = teacher.clone().requires_grad_()
    photograph_losses(student, teacher)["keep"].backward()
    assert float(student.grad.abs().max()) < 1e-6


@pytest.mark.parametrize(("height", "width"), [(64, 96), (256, 416)])
def test_the_network_answers_for_every_cell(height, width):
    with torch.no_grad():
        assert NanoDet()(torch.zeros(1, 3, height, width)).shape == (1, len(cell_centres(height, width)), CLASSES + 4 * BINS)
