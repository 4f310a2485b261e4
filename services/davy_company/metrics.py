"""Metrics of the company view: a few per site, none per camera."""

from prometheus_client import CollectorRegistry, Gauge

from davy_company.views import SiteView


class CompanyMetrics:
    """Metrics of one company view, in the given registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._reachable = Gauge("davy_company_site_reachable", "1 if a site answered last.", ["site"], registry=registry)
        self._cameras = Gauge("davy_company_cameras", "Cameras of a site.", ["site"], registry=registry)
        self._live = Gauge("davy_company_live_cameras", "Live cameras of a site.", ["site"], registry=registry)
        self._alarms = Gauge("davy_company_alarms", "Alarms of a site by state.", ["site", "state"], registry=registry)

    def show(self, view: SiteView) -> None:
        """Set the values of a site; those of an unreachable one are removed, as they may be wrong by now."""
        reachable = view.state in ("ready", "degraded")
        self._reachable.labels(view.name).set(reachable)
        if not reachable:
            for gauge in (self._cameras, self._live, self._alarms):
                gauge.remove_by_labels({"site": view.name})
            return
        self._cameras.labels(view.name).set(view.cameras)
        self._live.labels(view.name).set(view.live)
        for state, count in view.alarms.items():
            self._alarms.labels(view.name, state).set(count)
