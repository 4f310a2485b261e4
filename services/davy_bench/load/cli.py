"""`davy load`: put a site's load on an aggregator, and report ages, losses and cost."""

import json
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from davy.access.own_token import own_token
from davy.domain.errors import ConfigError
from davy_bench.load.local import LocalSite, Options, local_site, make_identities, write_site
from davy_bench.load.model import predict, read
from davy_bench.load.model import table as model_table
from davy_bench.load.pictures import jpeg_pictures, video_packets
from davy_bench.load.plan import LoadPlan, Target
from davy_bench.load.report import as_json, table
from davy_bench.load.run import measure
from davy_bench.terminal import parse_size, print_written, report_errors

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

Site = Annotated[str, typer.Option(help="Id of the site; that of the aggregator's site.yaml.")]
Edges = Annotated[int, typer.Option(min=1, max=10_000, help="Number of edges.")]
Cameras = Annotated[int, typer.Option(min=1, max=1000, help="Cameras per edge.")]
Fps = Annotated[float, typer.Option(min=0.01, max=120, help="Pictures per second and camera.")]
Viewers = Annotated[int, typer.Option(min=0, max=1000, help="Open windows of the console.")]
Tiles = Annotated[int, typer.Option(min=1, max=256, help="Cameras that each window shows.")]
Aggregators = Annotated[
    list[str] | None,
    typer.Option("--aggregator", help="grpc[s]://HOST:PORT of an aggregator. Repeatable. Default: start one here."),
]
Consoles = Annotated[list[str] | None, typer.Option("--console", help="http[s]://HOST:PORT of the same. Repeatable.")]


@app.command()
def load(
    site: Site = "load",
    edges: Edges = 200,
    cameras: Cameras = 5,
    fps: Fps = 1.0,
    viewers: Viewers = 10,
    tiles: Tiles = 16,
    same: Annotated[bool, typer.Option("--same", help="All windows show the same cameras.")] = False,
    tile_width: Annotated[int, typer.Option(min=0, max=4096, help="Width of a tile in pixels; 0: the camera's own.")] = 320,
    viewing: Annotated[
        Literal["window", "grpc"], typer.Option(help="window: the console's WebSocket. grpc: a subscription.")
    ] = "window",
    events: Annotated[float, typer.Option(min=0, help="Events per second of all edges.")] = 0.0,
    size: Annotated[str, typer.Option(help="Picture size of the cameras, WIDTHxHEIGHT.")] = "640x360",
    video: Annotated[bool, typer.Option("--video", help="Push H.264 packets instead of JPEG pictures.")] = False,
    seconds: Annotated[float, typer.Option(min=1, help="Duration of the measurement.")] = 20.0,
    processes: Annotated[int, typer.Option(min=0, help="Processes of the generator; 0: one per core.")] = 0,
    aggregator: Aggregators = None,
    console: Consoles = None,
    authority: Annotated[
        Path | None, typer.Option(help="Folder of davy identity init: issues the edges' certificates, valid for a day.")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Start the aggregator without certificates and tokens.")] = False,
    analysis: Annotated[bool, typer.Option("--analysis", help="Let the started aggregator analyse pictures.")] = False,
    site_file: Annotated[
        Path | None, typer.Option(help="Write the site.yaml of this load for an aggregator, and exit.")
    ] = None,
    model: Annotated[
        list[Path] | None,
        typer.Option(help="Predict the load from results of --out instead of running it. Repeat for at least four."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File of all figures, JSON.")] = None,
) -> None:
    """Push ready pictures over the real wires, watch them, and report ages, losses and the cost.

    Every camera of the load belongs to the site. DAVY_TOKEN names the viewers of an aggregator that runs already.
    """
    plan = LoadPlan(site, edges, cameras, fps, viewers, tiles, same, tile_width, events, video, viewing, seconds)
    with report_errors("davy load"), ExitStack() as stack:
        if site_file is not None:
            write_site(site_file, plan)
            print_written([site_file])
            return
        if model:
            print("\n".join(model_table(plan, predict(plan, [read(each) for each in model]))))
            return
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="davy-load-")))
        if aggregator:
            running = LocalSite(_remote(aggregator, console or [], plan, folder, authority), ())
        else:
            running = stack.enter_context(local_site(plan, folder, Options(secure=not insecure, analysis=analysis)))
        pictures = (video_packets if video else lambda size, _: jpeg_pictures(size))(parse_size(size), fps)
        result = measure(plan, running.target, pictures, processes, running.processes)
    print("\n".join(table(result)))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(as_json(result), indent=1) + "\n")
        print_written([out])


def _remote(aggregators: list[str], consoles: list[str], plan: LoadPlan, folder: Path, authority: Path | None) -> Target:
    if plan.viewers and plan.viewing == "window" and not consoles:
        raise ConfigError("viewers need the console's address: add --console http://HOST:8080, or --viewers 0")
    identities = make_identities(folder, plan, authority) if authority else None
    return replace(Target(tuple(aggregators), tuple(consoles), identities), token=own_token().get_secret_value())
