"""Enhance a live camera or a stream: python examples/enhance_camera.py rtsp://10.1.0.7/stream out/ [frames]

Writes each enhanced frame as a JPEG. `enhance_video` is steady in time: it removes noise where nothing moves.
"""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2

import davy


def frames(url: str) -> Iterator[davy.BgrImage]:
    """Yield the frames of a camera until it ends."""
    camera = cv2.VideoCapture(url)
    try:
        while (read := camera.read())[0]:
            yield read[1]
    finally:
        camera.release()


url, folder = sys.argv[1], Path(sys.argv[2])
count = int(sys.argv[3]) if len(sys.argv) > 3 else None
folder.mkdir(parents=True, exist_ok=True)
for number, bright in enumerate(itertools.islice(davy.Enhancer().enhance_video(frames(url)), count)):
    cv2.imwrite(str(folder / f"{number:06}.jpg"), bright)
