"""Weights of a run's folder, a checkpoint or an exported file."""

from pathlib import Path

import davy.imaging.nets
from davy.domain.errors import ConfigError, ModelError
from davy.imaging.nets.checkpoint import load_checkpoint, load_net, load_tensors, net_of
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.runs.run import CHECKPOINT, Run, begin, begin_from
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings

EXPORTED = "ispcnn.safetensors"


def weights_file(path: Path) -> Path:
    """Return the file with the weights of path: a folder's checkpoint or exported weights, or path itself.

    Raises:
        ConfigError: There is none.
    """
    for candidate in (path / CHECKPOINT, path / EXPORTED) if path.is_dir() else (path,):
        if candidate.is_file():
            return candidate
    raise ConfigError(f"{path} holds no weights: set a run's folder, a {CHECKPOINT} or an {EXPORTED}")


def load_weights(path: Path) -> IspCnn:
    """Load a network for inference; of a checkpoint, the averaged weights.

    Raises:
        ConfigError: There are no weights.
        ModelError: The file is not a network.
    """
    file = weights_file(path)
    names = list(load_tensors(file)[0])
    if not any(name.startswith("ema.") for name in names):
        return load_net(file)[0]
    checkpoint = load_checkpoint(file)
    return net_of(checkpoint.ema, checkpoint.facts, file).eval()


def begin_self_supervised(settings: SelfSupervisedSettings, command: str) -> Run:
    """Return a run of stage 0 at step 0, from settings.initial_weights if set.

    Raises:
        ConfigError, ModelError: As of load_weights.
    """
    if settings.initial_weights is None:
        return begin(settings, command)
    return begin_from(load_weights(settings.initial_weights).train(), settings, command, settings.steps)


def prompts_file(path: Path) -> Path:
    """Return the prompt pair of a run's folder, or path itself.

    Raises:
        ModelError: There is none.
    """
    file = path / "prompts.safetensors" if path.is_dir() else path
    if not file.is_file():
        raise ModelError(str(file), "there is no prompt pair: train one with `davy train pair`, or use --no-clip")
    return file


def shipped_weights() -> Path:
    """Return the shipped weights.

    Raises:
        ConfigError: This installation has none.
    """
    path = Path(next(iter(davy.imaging.nets.__path__))) / "weights" / EXPORTED
    if not path.is_file():
        raise ConfigError(f"{path} does not exist: set the running model: --model FILE")
    return path
