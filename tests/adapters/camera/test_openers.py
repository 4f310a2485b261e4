from davy.adapters.camera import OPENERS
from davy.domain.source import FORMS, SCHEMES, SIMULATED_SCHEMES
from davy.site import CameraConfig


def test_every_kind_of_camera_has_a_scheme_and_stands_in_the_help_text():
    assert set(OPENERS) == set(SCHEMES) - set(SIMULATED_SCHEMES)
    assert set(FORMS) == {*OPENERS, "simulator"}
    assert all(form in CameraConfig.model_fields["source"].description for form in FORMS.values())
