"""Names of the files of a detector's training; importing them needs no torch."""

CHECKPOINT, WEIGHTS, LOG = "checkpoint.safetensors", "people.safetensors", "log.jsonl"
DETECTOR = "people.onnx"  # its description is people.yaml beside it
