"""Handlers of gRPC methods, as interceptors wrap them."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

from collections.abc import Callable
from typing import Any

import grpc


def rewrapped(
    handler: Any,  # noqa: ANN401  # grpc's handler, which is generic in its stub only
    wrap_unary: Callable[[Any], Any],
    wrap_stream: Callable[[Any], Any],
    deserialize: Callable[[bytes], object] | None = None,
) -> Any:  # noqa: ANN401  # as above
    """Return a handler of the same kind whose method is wrapped.

    Args:
        handler: Of any of the four kinds.
        wrap_unary: Wraps a method with one answer.
        wrap_stream: Wraps a method with a stream of answers.
        deserialize: Reads a request; the handler's own if None.
    """
    kind = f"{_arity(handler.request_streaming)}_{_arity(handler.response_streaming)}"  # "unary_stream"
    wrap = wrap_stream if handler.response_streaming else wrap_unary
    make = getattr(grpc, f"{kind}_rpc_method_handler")
    return make(wrap(getattr(handler, kind)), deserialize or handler.request_deserializer, handler.response_serializer)


def _arity(streaming: bool) -> str:
    return "stream" if streaming else "unary"
