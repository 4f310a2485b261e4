"""The end of a run: package, signature, registry, tag, rollout. What fails leaves the registry as it was."""

import json
import math
from pathlib import Path

from davy.adapters.grpc import rollout_client
from davy.adapters.storage.model_registry import Entry, ModelRegistry
from davy.adapters.tls import Tls
from davy.atomic import write_atomic
from davy.domain.errors import DavyError, TrainingError
from davy.models.keyring import TRUST
from davy.v1 import model_pb2
from davy_trainer.runs.package import PACKAGE, PROVENANCE
from davy_trainer.service.commands import COMPARED
from davy_trainer.service.record import RunRecord
from davy_trainer.service.settings import TrainerSettings


def figures_of(record: RunRecord, folder: Path) -> dict[str, float]:
    """What the run has measured; of `prompts` its accuracies."""
    path = folder / "train" / "report.json" if record.kind == "prompts" else folder / COMPARED
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):  # a kill came after the result and before the figures
        return {}
    return {name.replace("_", "-"): float(value) for name, value in found.items() if isinstance(value, float)}


def check_figures(figures: dict[str, float], loss_most_db: float) -> None:
    """Refuse a model that is no improvement worth a canary.

    Raises:
        TrainingError: it is worse on the references by more than allowed, black, or white.
    """
    if not all(map(math.isfinite, figures.values())):
        raise TrainingError("refused: a figure of the new model is no number")
    new, running = figures.get("val-psnr-db"), figures.get("val-psnr-db-running")
    if new is not None and running is not None and new < running - loss_most_db:
        raise TrainingError(f"refused: {new:.2f} dB on the references, the running model {running:.2f} dB")
    luma, before = figures.get("sample-luma"), figures.get("sample-luma-running")
    if luma is not None and before is not None and not before / 3 < luma < (1 + 2 * before) / 3:
        raise TrainingError(f"refused: the mean luma of samples is {luma:.2f}, the running model's {before:.2f}")


def describe(record: RunRecord, folder: Path) -> None:
    """Write down what the package shall say of itself, for `davy train pack`."""
    said = {"parent": record.result.parent, "run": record.id, "figures": record.result.figures, "card": card(record)}
    write_atomic(folder / PROVENANCE, json.dumps(said).encode())


def register(settings: TrainerSettings, folder: Path) -> Entry:
    """Keep and tag the package that the run has made; done again after a kill, it keeps the same one.

    Raises:
        DavyError: a rule does not hold, or the storage fails: nothing of it is in the registry then.
        OSError: the package cannot be read.
    """
    registry = ModelRegistry(settings.registry_url, settings.keys / TRUST)
    entry = registry.add((folder / PACKAGE).read_bytes(), run=False)  # its golden vectors ran where it was packed
    if settings.tag:
        try:
            registry.tag(entry, settings.tag)
        except DavyError:
            if not entry.tags:
                registry.delete(entry)
            raise
    return entry


def card(record: RunRecord) -> str:
    """The model card, Markdown."""
    figures = "\n".join(f"| {name} | {value:.4g} |" for name, value in sorted(record.result.figures.items()))
    cameras = f"\nAdapted to the changed light of {', '.join(record.drifted)}.\n" if record.drifted else ""
    return (
        f"# ISP-CNN of run {record.id}\n\nMade by the training service ({record.kind}). Why: {record.reason or 'asked for'}.\n"
        f"{cameras}\nParent: {record.result.parent or 'the network that comes with Davy'}. Beside it, measured by the run:\n\n"
        f"| figure | value |\n| --- | ---: |\n{figures}\n"
    )


async def begin_rollout(settings: TrainerSettings, model: str) -> str:
    """Its id; the one that is there already if a killed run began it.

    Raises:
        DavyError: the aggregator is away, or another rollout goes on.
    """
    async with rollout_client.connect(settings.rollout_grpc, Tls.of(settings.tls)) as client:
        known = [each.id for each in await client.all() if each.model == model]
        if known:
            return known[0]
        request = model_pb2.CreateRolloutRequest(model=model, canaries=settings.rollout_canaries)
        return (await client.create(request)).id
