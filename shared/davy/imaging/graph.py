"""Names of the ONNX graph's input and outputs."""

INPUT = "thumbnail"  # (1, 4, H, W); a graph has one input, so readers need no name
OUTPUTS = ("global_params", "grid_params", "fine_params")  # models of 0.1.0 lack the last
ALIASES = {"whole": "global_params", "cells": "grid_params", "fine": "fine_params"}  # names that 0.1.0 and 0.2.0 exported


def output_name(name: str) -> str:
    """The current name of a graph's output."""
    return ALIASES.get(name, name)
