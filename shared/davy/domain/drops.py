"""Where and why a frame ends before it reaches a viewer."""

from enum import StrEnum


class DropPoint(StrEnum):
    """Where a frame was dropped. Metrics and stats call it `stage`."""

    CAPTURE = "capture"
    ENHANCE = "enhance"
    ENCODE = "encode"
    MQTT = "mqtt"
    GRPC = "grpc"


SINKS = (DropPoint.MQTT, DropPoint.GRPC)
"""The points that come after enhancement; every enhanced frame goes to each of them."""


class DropReason(StrEnum):
    """Why a frame was dropped."""

    SUPERSEDED = "superseded"  # a newer frame of the camera replaced it
    TOO_OLD = "too_old"  # its age exceeded max_age_ms
    NO_CREDIT = "no_credit"  # the aggregator has not acknowledged `window` frames
    NOT_WANTED = "not_wanted"  # nobody asks the sink for this frame: a lower rate is set, or enough
    SLOW_LINK = "slow_link"  # the link carries a lower rate
    OFFLINE = "offline"  # no connection
    TOO_LARGE = "too_large"  # over 900,000 bytes at the lowest quality
    ERROR = "error"  # processing failed; the log has the reason
    STOPPED = "stopped"  # in flight when the camera was closed
