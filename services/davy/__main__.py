"""The `davy` command: one word picks a program, which is imported only then, so that each needs its own extra only."""

import importlib
import sys

PROGRAMS = {
    "mine": ("davy.colocated.cli", "run a whole simulated mine in one process, or serve, render its cameras"),
    "edge": ("davy.edge.cli", "enhance the cameras of one edge and send them on"),
    "enhancer": ("davy.enhancer.cli", "the enhancement service: REST, gRPC, and raw frames from MQTT"),
    "enhance": ("davy.enhancer.enhance_cli", "enhance an image, a folder or a video file"),
    "aggregator": ("davy.aggregator.cli", "collect frames and events; REST, console, metrics"),
    "train": ("davy.trainer.cli", "train the ISP-CNN"),
    "trainer": ("davy.trainer.service.cli", "the training service: runs on request, by schedule and by drift"),
    "bench": ("davy.bench.cli", "measure the pictures beside classical methods: tables, sheets, plots"),
    "models": ("davy.models_cli", "the registry of models: add, list, show, compare, tag, delete, verify"),
    "rollout": ("davy.rollout_cli", "bring a model to the edges in waves, watch it, take it back"),
    "edges": ("davy.edges_cli", "configure edges from afar: cameras, strength, rate; history and rollback"),
    "keys": ("davy.keys_cli", "make, rotate, trust and revoke the keys that sign models"),
    "config": ("davy.site_cli", "check a mine.yaml, print its JSON Schema"),
}

# Programs whose extra has another name.
EXTRAS = {
    "enhance": "enhancer",
    "train": "trainer",
    "config": "edge",
    "keys": "model",
    "models": "registry",
    "rollout": "edge",
    "edges": "edge",
}


def main() -> int:
    """Dispatch to one program.

    Returns:
        The exit status: 0 done, 1 failed, 2 the words were wrong.
    """
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        _print_programs()
        return 0
    if words[0] not in PROGRAMS:
        print(f"davy: no program {words[0]!r}", file=sys.stderr)
        _print_programs()
        return 2
    module_name, _ = PROGRAMS[words[0]]
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("davy"):
            raise
        print(
            f"davy {words[0]} needs the package {error.name!r}: pip install 'davy[{_extra_of(words[0])}]'",
            file=sys.stderr,
        )
        return 1
    sys.argv = [f"davy {words[0]}", *words[1:]]
    return int(module.main() or 0)


def _extra_of(program: str) -> str:
    return EXTRAS.get(program, program)


def _print_programs() -> None:
    width = max(map(len, PROGRAMS))
    lines = [f"  davy {name:<{width}}  {help_text}" for name, (_, help_text) in PROGRAMS.items()]
    print("usage: davy PROGRAM [OPTIONS]      davy PROGRAM --help\n\n" + "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
