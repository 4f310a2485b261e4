"""Engines between the aggregators of one site; see `davy.domain.fan_out`."""
