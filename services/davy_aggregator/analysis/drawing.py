"""Boxes drawn into a picture, for everybody who receives an event without the console."""

from collections.abc import Sequence

import numpy as np
from supervision import BoxAnnotator, Detections, LabelAnnotator

from davy.adapters.media import jpeg
from davy.domain.errors import InvalidInputError
from davy.domain.event import Mark


def with_marks(picture: bytes, marks: Sequence[Mark]) -> bytes:
    """Return the JPEG with its marks drawn in; the picture itself if there are none or it cannot be decoded."""
    if not marks:
        return picture
    try:
        image = jpeg.decode(picture).copy()
    except InvalidInputError:
        return picture
    height, width = image.shape[:2]
    corners = np.array([[m.x, m.y, m.x + m.width, m.y + m.height] for m in marks], np.float32) * [width, height, width, height]
    found = Detections(corners.astype(np.float32), class_id=np.zeros(len(marks), np.int64))
    labels = [f"{mark.label} {mark.score:.0%}" if mark.score else mark.label for mark in marks]
    drawn = BoxAnnotator(thickness=max(2, height // 300)).annotate(image, found)
    drawn = LabelAnnotator(text_scale=max(0.4, height / 1500)).annotate(drawn, found, labels)
    return jpeg.encode(np.asarray(drawn, np.uint8))
