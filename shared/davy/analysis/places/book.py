"""Zones, lines and rules of every camera, as the site's configuration has them now."""

from collections.abc import Callable
from datetime import tzinfo

from davy.domain.camera import CameraAddress
from davy.place_rules import CameraPlaces
from davy.site import SiteConfig

PlacesOf = Callable[[], CameraPlaces]
NO_PLACES: CameraPlaces = ((), (), ())


class PlaceBook:
    """The rules in force. site: The configuration at the start."""

    def __init__(self, site: SiteConfig) -> None:
        self._site = site

    def reconfigure(self, site: SiteConfig) -> None:
        """Take a changed configuration; the next picture of a camera meets its new rules."""
        self._site = site

    def zone(self) -> tzinfo:
        """The site's time zone, in which schedules are read."""
        return self._site.zone

    def of(self, camera: CameraAddress) -> CameraPlaces:
        """Zones, lines and rules of a camera; none if the site does not name it."""
        try:
            config = self._site.camera(camera)
        except KeyError:
            return NO_PLACES
        return config.zones, config.lines, config.rules
