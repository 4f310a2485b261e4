import pytest
import torch
from skimage import data

from davy.domain.errors import ModelError
from davy.imaging.detect.shipped import shipped_path
from davy_trainer.objectives.people_guide import PeopleGuide


@pytest.fixture(scope="module")
def guide():
    return PeopleGuide.load(shipped_path(), torch.device("cpu"))


@pytest.fixture(scope="module")
def person():
    return torch.from_numpy(data.astronaut()[:250:2, 80:400:2].copy()).permute(2, 0, 1)[None].float() / 255


def test_a_person_who_vanishes_costs_more_than_one_who_pales(guide, person):
    same, paler, gone = (float(guide(output, person)) for output in (person, 0.6 * person + 0.2, torch.full_like(person, 0.4)))
    assert same < paler < gone


def test_the_gradient_reaches_the_picture_and_leaves_the_detector(guide, person):
    output = (0.5 * person).requires_grad_()
    guide(output, person).backward()
    assert output.grad is not None and output.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in guide._detector.parameters())


def test_what_is_no_detector_is_refused(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError):
        PeopleGuide.load(tmp_path / "x.safetensors", torch.device("cpu"))
