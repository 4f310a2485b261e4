"""`davy load`: put a site's load on an aggregator, and report ages, losses and cost."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer
import yaml

from davy.access.own_token import own_token
from davy.domain.errors import ConfigError
from davy_bench.load.local import Options, make_identities, write_site
from davy_bench.load.model import predict, read
from davy_bench.load.model import table as model_table
from davy_bench.load.pictures import jpeg_pictures, video_packets
from davy_bench.load.plan import LoadPlan, Target
from davy_bench.load.report import as_json, table
from davy_bench.load.run import SiteLoad, measure_sites
from davy_bench.load.sites import PLACE, addresses_of, local_sites, site_plans, sites_json, sites_table
from davy_bench.terminal import parse_size, print_written, report_errors

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

Site = Annotated[
    str, typer.Option(help="Id of the site; that of the aggregator's site.yaml. Of several sites, SITE-1, SITE-2 and so on.")
]
Sites = Annotated[int, typer.Option(min=1, max=100, help="Number of sites, each with edges, viewers and events as given here.")]
Flood = Annotated[
    list[str] | None,
    typer.Option("--flood", help="SITE=FACTOR: edges of that site send FACTOR times the pictures. Repeatable."),
]
Edges = Annotated[int, typer.Option(min=1, max=10_000, help="Number of edges.")]
Cameras = Annotated[int, typer.Option(min=1, max=1000, help="Cameras per edge.")]
Fps = Annotated[float, typer.Option(min=0.01, max=120, help="Pictures per second and camera.")]
Viewers = Annotated[int, typer.Option(min=0, max=1000, help="Open windows of the console.")]
Tiles = Annotated[int, typer.Option(min=1, max=256, help="Cameras that each window shows.")]
Aggregators = Annotated[
    list[str] | None,
    typer.Option(
        "--aggregator",
        help="grpc[s]://HOST:PORT of an aggregator; of several sites SITE=URL, or {site} in the URL. Repeatable."
        " Default: start one here for each site.",
    ),
]
Consoles = Annotated[
    list[str] | None,
    typer.Option("--console", help="http[s]://HOST:PORT of the same, written in the same way. Repeatable."),
]


@app.command()
def load(
    site: Site = "load",
    sites: Sites = 1,
    edges: Edges = 200,
    cameras: Cameras = 5,
    fps: Fps = 1.0,
    flood: Flood = None,
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
    processes: Annotated[
        int, typer.Option(min=0, help="Generator processes per site; 0: one per core, of several sites one each.")
    ] = 0,
    aggregator: Aggregators = None,
    console: Consoles = None,
    authority: Annotated[
        Path | None,
        typer.Option(
            help="Folder of davy identity init: issues the edges' certificates, valid for a day. {site} stands for the site."
        ),
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option(help="YAML file, SITE: TOKEN of its viewers. Default: DAVY_TOKEN for every site.")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Start the aggregator without certificates and tokens.")] = False,
    analysis: Annotated[bool, typer.Option("--analysis", help="Let the started aggregator analyse pictures.")] = False,
    site_file: Annotated[
        Path | None,
        typer.Option(help="Write the site.yaml of this load for an aggregator, and exit. {site} stands for the site."),
    ] = None,
    model: Annotated[
        list[Path] | None,
        typer.Option(help="Predict the load from results of --out instead of running it. Repeat for at least four."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File of all figures, JSON.")] = None,
) -> None:
    """Push ready pictures over the real wires, watch them, and report ages, losses and the cost.

    Every camera of the load belongs to a site. DAVY_TOKEN names the viewers of an aggregator that runs already. Several sites
    share nothing but the machine: --sites 4 --flood load-1=20 tells whether one disturbs the others.
    """
    plan = LoadPlan(site, edges, cameras, fps, viewers, tiles, same, tile_width, events, video, viewing, seconds)
    with report_errors("davy load"), ExitStack() as stack:
        plans = site_plans(plan, sites, flood or ())
        if site_file is not None:
            print_written(_write_sites(site_file, plans))
            return
        if model:
            if sites > 1:
                raise ConfigError("--model predicts one site; each of several costs what one costs")
            print("\n".join(model_table(plans[0], predict(plans[0], [read(each) for each in model]))))
            return
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="davy-load-")))
        if aggregator:
            loads = _remote(aggregator, console or [], plans, folder, authority, _tokens(tokens, plans))
        else:
            loads = stack.enter_context(local_sites(plans, folder, Options(secure=not insecure, analysis=analysis)))
        pictures = (video_packets if video else lambda size, _: jpeg_pictures(size))(parse_size(size), fps)
        results = measure_sites(loads, pictures, processes or (os.cpu_count() or 1 if sites == 1 else 1))
    print("\n".join(table(results[0]) if sites == 1 else sites_table(results)))
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        found = as_json(results[0]) if sites == 1 else sites_json(results)
        out.write_text(json.dumps(found, indent=1) + "\n")
        print_written([out])


def _write_sites(path: Path, plans: Sequence[LoadPlan]) -> list[Path]:
    if len(plans) > 1 and PLACE not in str(path):
        raise ConfigError(f"several sites have a file each: write --site-file {path.stem}-{PLACE}{path.suffix}")
    paths = [_placed(path, plan.site) for plan in plans]
    for each, plan in zip(paths, plans, strict=True):
        write_site(each, plan)
    return paths


def _remote(
    aggregators: list[str],
    consoles: list[str],
    plans: Sequence[LoadPlan],
    folder: Path,
    authority: Path | None,
    tokens: Mapping[str, str],
) -> list[SiteLoad]:
    names, loads = [plan.site for plan in plans], []
    for plan in plans:
        grpc, pages = (addresses_of(each, plan.site, names) for each in (aggregators, consoles))
        if not grpc:
            raise ConfigError(f"site {plan.site} has no aggregator: add --aggregator {plan.site}=grpc://HOST:50051")
        if plan.viewers and plan.viewing == "window" and not pages:
            raise ConfigError("viewers need the console's address: add --console http://HOST:8080, or --viewers 0")
        own = folder / plan.site
        own.mkdir()
        identities = make_identities(own, plan, _placed(authority, plan.site)) if authority else None
        loads.append(SiteLoad(plan, Target(tuple(grpc), tuple(pages), identities, tokens[plan.site])))
    return loads


def _tokens(path: Path | None, plans: Sequence[LoadPlan]) -> Mapping[str, str]:
    if path is None:
        return {plan.site: own_token().get_secret_value() for plan in plans}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    missing = [plan.site for plan in plans if not isinstance(found, dict) or not isinstance(found.get(plan.site), str)]
    if missing:
        raise ConfigError(f"{path} has no token of {', '.join(missing)}: write a line SITE: TOKEN for each")
    return {plan.site: found[plan.site] for plan in plans}


def _placed(path: Path, site: str) -> Path:
    return Path(str(path).replace(PLACE, site))
