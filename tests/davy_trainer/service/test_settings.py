import os

import pytest
from pydantic import ValidationError

from davy_trainer.service.settings import TrainerSettings


def test_a_share_of_the_processor_is_so_many_cores_and_a_nice_value():
    known = sorted(os.sched_getaffinity(0))
    assert TrainerSettings(cpu_share=1).cores == tuple(known)
    assert TrainerSettings(cpu_share=0.01).cores == (known[-1],)
    assert [TrainerSettings(cpu_share=share).nice for share in (1, 0.5, 0.01)] == [0, 10, 19]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"cpu_share": 0}, "cpu_share"),
        ({"schedule": ["0 2 * * *"]}, "WEEKDAY KIND"),
        ({"schedule": ["0 2 * * * adapt"]}, "prompts, retrain or people"),
        ({"schedule": ["61 2 * * * prompts"]}, "schedule"),
        ({"drift_above": 1.0}, "AGGREGATOR"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(changes, text):
    with pytest.raises(ValidationError, match=text):
        TrainerSettings(**changes)
