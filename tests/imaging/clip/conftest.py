import pytest
import torch

from davy.imaging.clip import Clip, load_clip


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def davy_clip() -> Clip:
    return load_clip("davy")


@pytest.fixture(scope="session")
def random_clip() -> Clip:
    return load_clip("davy:random:1")
