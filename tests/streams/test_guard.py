import pytest
from structlog.testing import capture_logs

from davy.domain.errors import InvalidInputError
from davy.streams.guard import MAX_REASONS, Guard


def test_an_error_refuses_one_message_and_is_counted():
    counted: list[Exception] = []
    guard = Guard("mqtt", counted.append)
    for number in range(3):
        with guard.message(topic="a/b"):
            if number == 1:
                raise InvalidInputError("no frame")
    assert [str(error) for error in counted] == ["no frame"]


def test_a_flood_of_one_reason_is_one_line_and_the_next_names_the_rest():
    guard = Guard("mqtt", lambda _: None, log_every_s=3600)
    with capture_logs() as lines:
        for _ in range(1000):
            guard.refuse(ValueError("x" * 10_000), topic="t" * 10_000)
        guard.refuse(KeyError("another"))
        guard._log_every_s = 0
        guard.refuse(ValueError("x"))
    assert [(line["reason"], line["left_out"]) for line in lines] == [("ValueError", 0), ("KeyError", 0), ("ValueError", 999)]
    assert max(len(str(value)) for line in lines for name, value in line.items() if name != "exc_info") <= 300


def test_invented_reasons_do_not_fill_the_memory():
    guard = Guard("mqtt", lambda _: None)
    for number in range(10 * MAX_REASONS):
        guard.refuse(type(f"Error{number}", (Exception,), {})("x"))
    assert len(guard._logged_s) <= MAX_REASONS + 1


def test_a_cancellation_passes():
    with pytest.raises(KeyboardInterrupt), Guard("mqtt", lambda _: None).message():
        raise KeyboardInterrupt
