"""A30: a job that ends the service began again at every start."""

import asyncio

from tests.davy_aggregator.conftest import until

from davy.imaging.runtime import StillEnhancer
from davy_enhancer.jobs import Jobs
from davy_enhancer.jobs.bundle import Limits
from davy_enhancer.jobs.job import Folder, Job, State
from davy_enhancer.jobs.runner import MAX_ATTEMPTS, Bounds


async def test_a30_a_job_that_ended_the_service_again_and_again_is_given_up(tmp_path):
    for name, attempts in (("good", 0), ("bomb", MAX_ATTEMPTS)):
        (tmp_path / name).mkdir()
        folder = Folder(tmp_path / name, Job(id=name, kind="zip", name="a.zip", state=State.RUNNING, attempts=attempts))
        folder.upload.write_bytes(b"no zip")
        folder.save()
    jobs = Jobs(tmp_path, StillEnhancer, Bounds(8, 10**9, 3600, Limits(10**6, 10**6, 10**6)))
    task = asyncio.create_task(jobs.run())
    await until(lambda: (found := jobs.get("bomb")) is not None and found.job.state is State.FAILED)
    assert f"ended {MAX_ATTEMPTS} times" in jobs.get("bomb").job.detail
    await until(lambda: jobs.get("good").job.state is State.FAILED)  # tried, for it is no archive
    assert jobs.get("good").job.attempts == 1
    task.cancel()
    await asyncio.wait({task})
