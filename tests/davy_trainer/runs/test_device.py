import pytest
import torch

from davy.domain.errors import ConfigError
from davy_trainer.runs.device import Device
from davy_trainer.stages.device_settings import DeviceSettings


def test_auto_is_the_gpu_where_torch_sees_one_and_the_cpu_elsewhere():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert Device.of(DeviceSettings()).device.type == expected


def test_a_cpu_trains_in_float32_and_reads_every_step():
    device = Device.of(DeviceSettings(device="cpu"))
    assert not device.half and device.read_every(10) == 1
    with device.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_bfloat16_can_be_chosen_on_a_cpu():
    device = Device.of(DeviceSettings(device="cpu", precision="bfloat16"))
    with device.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a GPU here")
def test_a_gpu_that_is_not_there_is_refused_with_the_way_out():
    with pytest.raises(ConfigError, match="torch sees no GPU here; set device=cpu or device=auto"):
        Device.of(DeviceSettings(device="cuda"))
