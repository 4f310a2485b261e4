"""The `davy` command: one word picks a program, which is imported only then, so that each needs its own extra only."""

import importlib
import sys

PROGRAMS = {
    "mine": ("davy_demo.cli", "run a whole simulated mine in one process, or serve, render its cameras"),
    "edge": ("davy_edge.cli", "enhance the cameras of one edge and send them on"),
    "enhancer": ("davy_enhancer.cli", "the enhancement service: REST, gRPC, and raw frames from MQTT"),
    "enhance": ("davy_enhancer.enhance_cli", "enhance an image, a folder or a video file"),
    "aggregator": ("davy_aggregator.cli", "collect frames and events; REST, console, metrics"),
    "train": ("davy_trainer.cli.main", "train the ISP-CNN"),
    "trainer": ("davy_trainer.service.cli", "the training service: runs on request, by schedule and by drift"),
    "bench": ("davy_bench.cli", "measure the pictures beside classical methods: tables, sheets, plots"),
    "models": ("davy_cli.models", "the registry of models: add, list, show, compare, tag, delete, verify"),
    "rollout": ("davy_cli.rollouts", "bring a model to the edges in waves, watch it, take it back"),
    "edges": ("davy_cli.edges", "configure edges from afar: cameras, strength, rate; history and rollback"),
    "keys": ("davy_cli.keys", "make, rotate, trust and revoke the keys that sign models"),
    "config": ("davy_cli.site", "check a site.yaml, print its JSON Schema"),
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
