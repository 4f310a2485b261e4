import logging
import re
from pathlib import Path
from typing import get_args

import davy_aggregator
from davy.domain.severity import Severity, SeverityName
from davy.v1 import ingest_pb2

STATIC = Path(davy_aggregator.__file__).parent / "static"


def test_the_numbers_are_those_of_the_wire():
    assert {f"SEVERITY_{each.name}": int(each) for each in Severity} == {
        name: number for name, number in ingest_pb2.Severity.items() if number
    }


def test_names_and_severities_lead_to_each_other():
    assert [each.label for each in Severity] == list(get_args(SeverityName))
    assert [Severity.named(each.label) for each in Severity] == list(Severity)


def test_a_number_out_of_range_counts_as_the_nearest():
    assert [Severity.nearest(number) for number in (-1, 0, 2, 9)] == [1, 1, 2, 3]


def test_an_alarm_is_logged_as_an_error():
    assert [each.log_level for each in Severity] == [logging.INFO, logging.WARNING, logging.ERROR]


def test_the_console_orders_and_offers_the_same_severities():
    levels = re.search(r"const LEVEL = {(.*)}", (STATIC / "events.js").read_text())
    assert levels is not None
    assert levels[1].replace(" ", "") == ",".join(f"{each.label}:{int(each)}" for each in Severity)
    offered = re.search(r'<select id="severity">(.*?)</select>', (STATIC / "index.html").read_text(), re.DOTALL)
    assert offered is not None
    assert re.findall(r'value="(\w+)"', offered[1]) == [each.label for each in Severity]
