from davy.streams.credits import Credits


def test_a_camera_may_have_as_many_unacknowledged_frames_as_the_window():
    credit = Credits[str, str](2)
    credit.spend("face", 1, "a")
    assert credit.available("face")
    credit.spend("face", 2, "b")
    assert not credit.available("face")
    assert credit.available("belt")
    credit.window = 3
    assert credit.available("face")


def test_an_acknowledgement_gives_the_item_back_once():
    credit = Credits[str, str](1)
    credit.spend("face", 1, "a")
    assert credit
    assert credit.give_back("face", 1) == "a"
    assert (credit.give_back("face", 1), credit.give_back("belt", 9)) == (None, None)
    assert not credit


def test_clear_returns_what_was_never_acknowledged():
    credit = Credits[str, str](2)
    credit.spend("face", 1, "a")
    credit.spend("belt", 1, "b")
    assert sorted(credit.items()) == sorted(credit.clear()) == ["a", "b"]
    assert credit.available("face")
