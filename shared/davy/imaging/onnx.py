"""ONNX Runtime with its telemetry off; the only place that imports it.

Since 1.32 the Linux wheels send usage events to Microsoft and keep a database under the home directory. The variable is read
when the library loads: `disable_telemetry_events` alone comes too late for the database and the sender's thread.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

onnxruntime.disable_telemetry_events()

__all__ = ["onnxruntime"]
