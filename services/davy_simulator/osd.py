"""The text that a surveillance camera burns into its picture: its name, and date and time."""

from datetime import UTC, datetime

import cv2

from davy.domain.frame import BgrImage

FONT = cv2.FONT_HERSHEY_SIMPLEX
TEXT_BGR, SHADOW_BGR = (205, 205, 205), (0, 0, 0)


def burn_in(image: BgrImage, name: str, unix_ns: int) -> None:
    """Write `CAM GALLERY` and `2026-11-22 18:53:44.3` into the top corners, in place."""
    height, width = image.shape[:2]
    scale = height / 1080
    moment = datetime.fromtimestamp(unix_ns // 1_000_000_000, UTC)
    tenth = unix_ns // 100_000_000 % 10
    _write(image, f"CAM {name.upper()}", round(0.014 * width), scale)
    text = f"{moment:%Y-%m-%d %H:%M:%S}.{tenth}"
    _write(image, text, round(width - 0.014 * width - 370 * scale), scale)


def _write(image: BgrImage, text: str, x: int, scale: float) -> None:
    y = round(46 * scale)
    for bgr, offset in ((SHADOW_BGR, 1), (TEXT_BGR, 0)):
        cv2.putText(image, text, (x + offset, y + offset), FONT, scale, bgr, max(round(2 * scale), 1), cv2.LINE_8)
