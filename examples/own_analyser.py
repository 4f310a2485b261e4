"""An analyser of one's own: it reports pictures in which one half is much darker than the other.

    python examples/own_analyser.py pictures/        # prints its observations; needs `pip install '.[aggregator]'`

To run it on every camera, copy the class to shared/davy/analysis/ and add an instance to the list in look.py
there. The aggregator then turns active observations into events, with hysteresis and a cooldown.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import cv2

from davy.analysis.base import Picture
from davy.domain.observation import Observation
from davy.domain.severity import Severity

RATIO = 3.0  # between the mean luma of the halves


class OneSided:
    """Compares the mean luma of the left and the right half."""

    name = "one-sided"
    every_s = 5.0  # one picture of a camera in this time is enough

    def analyse(self, picture: Picture) -> Sequence[Observation]:
        """Compare the halves of one picture: its thumbnail has shape (90, 160), float32 in [0, 255]."""
        left, right = picture.thumbnail[:, :80].mean() + 1, picture.thumbnail[:, 80:].mean() + 1  # + 1: black has no ratio
        ratio = float(max(left / right, right / left))
        message = f"one half is {ratio:.1f} times as bright as the other: a lamp failed, or the camera was turned"
        return [
            Observation(
                "one-sided-light", ratio > RATIO, Severity.WARNING, message, "the light is even again", {"ratio": ratio}
            )
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    analyser = OneSided()
    for path in sorted(parser.parse_args().folder.glob("*.[jp][pn]g")):
        for observation in analyser.analyse(Picture(cv2.imread(str(path)), time.time_ns())):
            print(f"{path.name}: {'ACTIVE ' + observation.message if observation.active else 'ok'} {dict(observation.figures)}")


if __name__ == "__main__":
    main()
