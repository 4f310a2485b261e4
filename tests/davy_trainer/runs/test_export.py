import onnx
import pytest

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.nets.checkpoint import load_net
from davy.imaging.runtime import StillEnhancer
from davy_trainer.evaluation.validation import load_validation
from davy_trainer.runs.export import export_checkpoint, export_mean
from davy_trainer.runs.run import begin, save


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of torch's own exporter
@pytest.mark.system
def test_both_files_hold_the_average_and_where_it_comes_from(tmp_path, settings, groups, pairs_folder):
    run = begin(settings(seed=5), "davy train self-supervised --data /srv/photographs --steps 3 --set start=/srv/first")
    run.average.stem.bias.data.fill_(0.125)
    save(run, groups, tmp_path / "c.safetensors")
    onnx_path, safetensors_path = export_checkpoint(tmp_path / "c.safetensors", tmp_path / "out")
    net, facts = load_net(safetensors_path)
    assert net.stem.bias[0].item() == 0.125
    assert (
        facts["command"] == "davy train self-supervised --data photographs --steps 3 --set start=first"
    )  # no path of the machine
    assert (facts["seed"], facts["steps"], facts["width"]) == (5, 0, 8)
    assert facts["folders"] == ["photographs"] and facts["photographs"] == {"cats": 2, "coffee": 1}
    assert {p.key for p in onnx.load(onnx_path).metadata_props} >= {"command", "seed", "steps", "photographs", "thumbnail"}
    assert onnx_path.stat().st_size < 2_000_000
    low = load_validation(pairs_folder)[0].low
    assert StillEnhancer(onnx_path).enhance(low).shape == low.shape


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # as above
@pytest.mark.system
def test_the_mean_of_networks_says_what_it_is_of(tmp_path, settings, groups):
    paths = []
    for name, bias in (("one", 0.1), ("two", 0.3)):
        run = begin(settings(seed=5), f"davy train self-supervised {name}")
        run.average.stem.bias.data.fill_(bias)
        save(run, groups, tmp_path / "c.safetensors")
        paths.append(export_checkpoint(tmp_path / "c.safetensors", tmp_path / name)[1])
    net, facts = load_net(export_mean(paths, tmp_path / "mean")[1])
    assert net.stem.bias[0].item() == pytest.approx(0.2)
    assert facts["mean_of"] == ["davy train self-supervised one", "davy train self-supervised two"]
    facts = load_net(export_mean([tmp_path / "mean" / "ispcnn.safetensors", paths[0]], tmp_path / "again")[1])[1]
    assert facts["mean_of"] == [f"davy train self-supervised {name}" for name in ("one", "two", "one")]


def test_no_checkpoint_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        export_checkpoint(tmp_path / "c.safetensors", tmp_path)


def test_another_file_is_an_error(tmp_path):
    (tmp_path / "c.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError):
        export_checkpoint(tmp_path / "c.safetensors", tmp_path / "out")
    assert not (tmp_path / "out").exists()
