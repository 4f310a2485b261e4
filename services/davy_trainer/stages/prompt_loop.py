"""The training loop of a prompt pair; stages 1 and 3 share it."""

from collections.abc import Callable
from contextlib import closing

from torch import Tensor

from davy_trainer.runs.prompt_run import PromptRun, save
from davy_trainer.runs.run_log import Means, RunLog
from davy_trainer.stages.loop import Outputs, Stop
from davy_trainer.stages.settings import PromptSettings

PromptLoss = Callable[[], tuple[Tensor, dict[str, float]]]
"""The loss of run.step, and further values for the log."""


def run_prompt_loop(
    run: PromptRun,
    settings: PromptSettings,
    steps: int,
    forward: PromptLoss,
    evaluate: Callable[[], dict[str, float]],
    outputs: Outputs,
    stop: Stop,
) -> None:
    """Train until `steps` are done or stop() is true; either way a checkpoint is written last.

    Args:
        evaluate: Returns figures on held-out pictures, for the log.
    """
    means = Means()
    with closing(RunLog(outputs.out, run.step)) as log:
        while run.step < steps and not stop():
            loss, values = forward()

            run.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            run.optimizer.step()
            run.step += 1

            means.add({"loss": loss.item()} | values)
            outputs.report(run.step, steps, {"loss": loss.item()})
            if run.step % settings.log_every == 0:
                log.write("train", run.step, means.take() | evaluate())
            if run.step % settings.checkpoint_every == 0:
                save(run, settings, outputs.known, outputs.out)
    save(run, settings, outputs.known, outputs.out)
