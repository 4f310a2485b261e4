"""The end of a run: a candidate; with sign=itself a signed model, its tag and rollout. A failure changes no registry."""

import json
import math
from pathlib import Path

from davy.adapters.grpc.rollout_client import RolloutClient
from davy.adapters.http.model_client import ModelClient
from davy.adapters.storage.candidate_registry import MAX_CAUSE, CandidateRegistry, Proposal
from davy.adapters.storage.model_registry import Entry, ModelRegistry
from davy.adapters.tls import Tls
from davy.atomic import write_atomic
from davy.domain.errors import DavyError, TrainingError
from davy.v1 import model_pb2
from davy_trainer.runs.package import PACKAGE, PROVENANCE
from davy_trainer.service.commands import COMPARISON
from davy_trainer.service.record import RunRecord
from davy_trainer.service.settings import TrainerSettings


def figures_of(record: RunRecord, folder: Path) -> dict[str, float]:
    """Return the figures of the run: a comparison of both models, or the accuracies of `prompts`."""
    path = folder / "train" / "report.json" if record.kind == "prompts" else folder / COMPARISON
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):  # killed between the result and the figures
        return {}
    return {name.replace("_", "-"): float(value) for name, value in found.items() if isinstance(value, float)}


def check_figures(figures: dict[str, float], max_psnr_drop_db: float) -> tuple[str, ...]:
    """Reject a model that is not worth a canary.

    Returns:
        The passed checks, in sentences.

    Raises:
        TrainingError: The PSNR on the references drops by more than allowed, or the pictures are black or white.
    """
    if not all(map(math.isfinite, figures.values())):
        raise TrainingError("rejected: a figure of the new model is not a number")
    passed = ["every figure is a number"]
    new, running = figures.get("val-psnr-db"), figures.get("val-psnr-db-running")
    if new is not None and running is not None:
        found = f"{new:.2f} dB on the references, the running model {running:.2f} dB"
        if new < running - max_psnr_drop_db:
            raise TrainingError(f"rejected: {found}")
        passed.append(f"{found}; at most {max_psnr_drop_db:g} dB may be lost")
    luma, before = figures.get("sample-luma"), figures.get("sample-luma-running")
    if luma is not None and before is not None:
        found = f"the mean luma of samples is {luma:.2f}, the running model's {before:.2f}"
        if not before / 3 < luma < (1 + 2 * before) / 3:
            raise TrainingError(f"rejected: {found}")
        passed.append(f"{found}: neither black nor white")
    return tuple(passed)


def check(record: RunRecord, figures: dict[str, float], settings: TrainerSettings) -> tuple[str, ...]:
    """Reject a model of either kind that is not worth a canary; see check_figures and check_detector."""
    if record.kind == "people":
        return check_detector(figures, settings)
    return check_figures(figures, settings.max_psnr_drop_db)


def check_detector(figures: dict[str, float], settings: TrainerSettings) -> tuple[str, ...]:
    """Reject a detector that finds fewer people than the running one, is slower or too large.

    Returns:
        The passed checks, in sentences.

    Raises:
        TrainingError: It is worse.
    """
    if not all(map(math.isfinite, figures.values())):
        raise TrainingError("rejected: a figure of the new detector is not a number")
    passed = []
    for name in ("ap50-raw", "ap50-enhanced", "recall-raw", "recall-enhanced"):
        found = f"{name} is {figures[name]:.3f} on held-out mines, the running detector's {figures[f'{name}-running']:.3f}"
        if figures[name] < figures[f"{name}-running"] - settings.max_ap50_drop:
            raise TrainingError(f"rejected: {found}")
        passed.append(f"{found}; at most {settings.max_ap50_drop:g} may be lost")
    slower = f"a look takes {figures['look-ms']:.1f} ms, the running detector's {figures['look-ms-running']:.1f} ms"
    if figures["look-ms"] > settings.max_look_ratio * figures["look-ms-running"]:
        raise TrainingError(f"rejected: {slower}")
    size = f"it has {figures['size-bytes'] / 1e6:.1f} MB"
    if figures["size-bytes"] > settings.max_detector_bytes:
        raise TrainingError(f"rejected: {size}, at most {settings.max_detector_bytes / 1e6:.1f} MB are allowed")
    return (*passed, f"{slower}; at most {settings.max_look_ratio:g} times as long", size)


def describe(record: RunRecord, folder: Path) -> None:
    """Write the provenance and the model card for `davy train package`."""
    provenance = {"parent": record.result.parent, "run": record.id, "figures": record.result.figures, "card": card(record)}
    write_atomic(folder / PROVENANCE, json.dumps(provenance).encode())


def cause_of(record: RunRecord) -> str:
    """Return why a run started and who asked for it, in a sentence."""
    began = f"{record.trigger or record.started_by or 'somebody'} started run {record.id}"
    return f"{began}: {record.reason}" if record.reason else began


def propose(settings: TrainerSettings, record: RunRecord, folder: Path) -> tuple[str, str]:
    """Propose the run's package for a signature; a repetition after a kill proposes the same one.

    Returns:
        The model's id, and its id in frames.

    Raises:
        DavyError: The package is invalid, or the storage fails; the registry is unchanged.
        OSError: The package cannot be read.
    """
    passed = check(record, record.result.figures, settings)
    cause, data = cause_of(record)[:MAX_CAUSE], (folder / PACKAGE).read_bytes()
    if settings.registry_is_aggregator:
        found = ModelClient(settings.registry_url, Tls.of(settings.tls)).propose(data, cause, passed)
        return str(found["id"]), str(found["frame_id"])
    proposal = Proposal(by="trainer", cause=cause, checks=passed)
    entry = CandidateRegistry(settings.registry_url).propose(data, proposal, run=False)
    return entry.id, entry.frame_id


def register(settings: TrainerSettings, record: RunRecord, folder: Path) -> Entry:
    """Register and tag the run's package; a repetition after a kill registers the same one.

    Raises:
        DavyError: The package is invalid, or the storage fails; the registry is unchanged.
        OSError: The package cannot be read.
    """
    registry = ModelRegistry(settings.registry_url, settings.trusted)
    entry = registry.add((folder / PACKAGE).read_bytes(), run=False)  # its golden vectors ran when it was packaged
    if settings.tag:  # a tag names one model: detectors have their own
        try:
            registry.tag(entry, f"{settings.tag}-people" if record.kind == "people" else settings.tag)
        except DavyError:
            if not entry.tags:
                registry.delete(entry)
            raise
    return entry


def card(record: RunRecord) -> str:
    """Return the model card, Markdown."""
    figures = "\n".join(f"| {name} | {value:.4g} |" for name, value in sorted(record.result.figures.items()))
    cameras = f"\nAdapted to the changed light of {', '.join(record.drifted)}.\n" if record.drifted else ""
    network = "Detector" if record.kind == "people" else "ISP-CNN"
    return (
        f"# {network} of run {record.id}\n\nTrained by the training service ({record.kind}). "
        f"Reason: {record.reason or 'requested'}.\n"
        f"{cameras}\nParent: {record.result.parent or 'the shipped model'}. Comparison with it:\n\n"
        f"| figure | value |\n| --- | ---: |\n{figures}\n"
    )


async def start_rollout(settings: TrainerSettings, model: str) -> str:
    """Start a rollout and return its id; if a killed run started it already, return that one.

    Raises:
        DavyError: The aggregator is unavailable, or another rollout is in progress.
    """
    async with RolloutClient.connect(settings.rollout_grpc, Tls.of(settings.tls)) as client:
        known = [each.id for each in await client.all() if each.model == model]
        if known:
            return known[0]
        request = model_pb2.CreateRolloutRequest(model=model, canaries=settings.rollout_canaries)
        return (await client.create(request)).id
