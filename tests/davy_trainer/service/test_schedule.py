import pytest
from tests.davy_trainer.service.conftest import PROMPTS, serving, until


@pytest.mark.slow
async def test_a_run_begins_by_the_clock(settings):
    async with serving(settings(schedule=["* * * * * prompts"], overrides={"prompts": PROMPTS})) as service:
        (run,) = await until(service.all, bool, 70)
        assert (run["trigger"], run["reason"]) == ("schedule", "schedule: * * * * * prompts")
        assert (await service.ended(run["id"]))["state"] == "done"
