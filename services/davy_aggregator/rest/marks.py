"""Draws what was found into a picture."""

from collections.abc import Sequence

import cv2

from davy.adapters.media import jpeg
from davy.domain.errors import UnreadableImageError
from davy.domain.event import Mark

COLOUR, GROUND = (90, 220, 255), (20, 20, 20)  # BGR: yellow on black reads on any picture
QUALITY = 88


def draw_marks(picture: bytes, marks: Sequence[Mark]) -> bytes:
    """Return a JPEG with a box and a label for each mark; the picture itself if it cannot be read."""
    try:
        image = jpeg.decode(picture)
    except UnreadableImageError:
        return picture
    height, width = image.shape[:2]
    thickness = max(2, round(width / 480))
    scale = max(0.45, width / 1600)
    for mark in marks:
        left, top = round(mark.x * width), round(mark.y * height)
        right, bottom = round((mark.x + mark.width) * width), round((mark.y + mark.height) * height)
        cv2.rectangle(image, (left, top), (right, bottom), GROUND, thickness + 2)
        cv2.rectangle(image, (left, top), (right, bottom), COLOUR, thickness)
        label = f"{mark.label} {mark.score:.0%}" if mark.score else mark.label
        if label:
            label = label.encode("ascii", "replace").decode()  # the font of OpenCV has no other letters
            (wide, high), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
            base = top - 4 if top > high + 8 else bottom + high + 6
            cv2.rectangle(image, (left, base - high - 4), (left + wide + 6, base + 4), GROUND, -1)
            cv2.putText(image, label, (left + 3, base), cv2.FONT_HERSHEY_SIMPLEX, scale, COLOUR, 1, cv2.LINE_AA)
    return jpeg.encode(image, QUALITY)
