from davy_demo.scenario.setup import CHANGED, Timing, edge_settings, scenario_site, trainer_settings
from davy_edge.settings import EdgeSettings
from davy_simulator.source import parse_url


def test_only_the_gallery_changes_and_its_edge_is_the_first():
    site = scenario_site("dim=0.3&kelvin=2700", Timing(change_at=40))
    assert next(iter(site.edges)) == CHANGED[0]
    views = {camera.camera: parse_url(str(site.camera(camera).source)) for camera in site.camera_ids()}
    assert views["gallery"].from_s == 40 and views["gallery"].change.dim == 0.3
    assert all(view.from_s == 0 and view.change.dim == 1 for name, view in views.items() if name != "gallery")


def test_every_setting_is_one_that_the_services_know():
    assert EdgeSettings(edge="east", **edge_settings(Timing(window=3))).drift_window_s == 3
    from davy_trainer.service.settings import TrainerSettings

    assert TrainerSettings(aggregator="http://127.0.0.1:1", **trainer_settings(5)).overrides["adapt"] == {"steps": 5}
