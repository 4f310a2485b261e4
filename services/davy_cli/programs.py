"""The programs of the `davy` command: module, required extra, help text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the `davy` command.

    Args:
        module: Module of the Typer app `app`.
        extra: Extra that installs its packages.
        help: Help text, one sentence.
        hidden: Omitted from the help, as a deprecated name.
    """

    module: str
    extra: str
    help: str
    hidden: bool = False


PROGRAMS = {
    "demo": Program("davy_demo.cli", "demo", "Run a simulated mine with every service in one process."),
    "edge": Program("davy_edge.cli", "edge", "Enhance the cameras of one edge and send the frames on."),
    "aggregator": Program("davy_aggregator.cli", "aggregator", "Collect frames and events; serve REST, console and metrics."),
    "analyser": Program("davy_analyser.cli", "analyser", "Analyse cameras of an aggregator in a process of its own."),
    "enhancer": Program("davy_enhancer.cli", "enhancer", "Serve enhancement over REST, gRPC and MQTT."),
    "trainer": Program("davy_trainer.service.cli", "trainer", "Serve training: on request, by schedule and by drift."),
    "company": Program("davy_company.cli", "aggregator", "Serve one page with all sites of a company."),
    "simulator": Program("davy_simulator.cli", "simulator", "Serve or render the cameras of the simulated mine."),
    "enhance": Program("davy_enhancer.enhance_cli", "enhancer", "Enhance images, folders and video files."),
    "train": Program("davy_trainer.cli.main", "trainer", "Train, export and evaluate the network."),
    "bench": Program("davy_bench.cli", "bench", "Measure quality and speed in comparison with other methods."),
    "load": Program("davy_bench.load.cli", "bench", "Put the load of a site on an aggregator; report ages, losses, cost."),
    "models": Program("davy_cli.models", "registry", "Manage the registry of signed models."),
    "alarms": Program("davy_cli.alarms", "edge", "List, watch, acknowledge and shelve alarms."),
    "events": Program("davy_cli.events", "client", "Find and follow the events of a site."),
    "rollout": Program("davy_cli.rollouts", "edge", "Roll a model out to the edges in waves, watch it, roll it back."),
    "cameras": Program("davy_cli.cameras", "edge", "Search the network for ONVIF cameras."),
    "edges": Program("davy_cli.edges", "edge", "Configure edges remotely; show history, roll back."),
    "keys": Program("davy_cli.keys", "model", "Make, rotate, trust and revoke the keys that sign models."),
    "identity": Program("davy_cli.identity", "edge", "Issue, rotate, revoke and enrol the certificates of a site."),
    "provision": Program(
        "davy_cli.provision", "aggregator", "Make what a closed site needs: identities, broker users, a person."
    ),
    "users": Program("davy_cli.users", "aggregator", "Add, change and remove the people who may sign in."),
    "tokens": Program("davy_cli.tokens", "aggregator", "Make, list and revoke tokens of programs and machines."),
    "journal": Program("davy_cli.journal", "aggregator", "Verify, export and list the audit journal of an aggregator."),
    "migrate": Program("davy_cli.migrate", "aggregator", "Carry a data folder into PostgreSQL and an object storage."),
    "recordings": Program("davy_cli.recordings", "aggregator", "Enhance recorded video again, and verify exports."),
    "config": Program("davy_cli.site", "edge", "Check a site.yaml, print its JSON Schema, list environment variables."),
    "mine": Program("davy_demo.mine_cli", "demo", "Deprecated name of demo and simulator.", hidden=True),
}
