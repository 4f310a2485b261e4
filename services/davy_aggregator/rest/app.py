"""The FastAPI application of one aggregator."""

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from davy.adapters.http.body_limit import BodyLimit
from davy.adapters.http.metrics import install_metrics
from davy.adapters.http.openapi import describe
from davy.adapters.http.problems import install_problem_handlers, problem_responses
from davy.adapters.http.representations import install_representations
from davy.adapters.http.web import mount_web
from davy.models import MAX_PACKAGE_BYTES
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.alarm_rules import alarm_rule_routes
from davy_aggregator.rest.alarms import alarm_routes
from davy_aggregator.rest.cameras import camera_routes
from davy_aggregator.rest.candidates import candidate_routes
from davy_aggregator.rest.clips import clip_routes
from davy_aggregator.rest.config import config_routes
from davy_aggregator.rest.console import STATIC, page_routes
from davy_aggregator.rest.drift import drift_routes
from davy_aggregator.rest.edge_tasks import edge_task_routes
from davy_aggregator.rest.event_feed import EventFeed
from davy_aggregator.rest.events import event_routes
from davy_aggregator.rest.hls import hls_routes
from davy_aggregator.rest.identities import identity_routes
from davy_aggregator.rest.journal import journal_routes
from davy_aggregator.rest.layouts import layout_routes, wall_routes
from davy_aggregator.rest.links import link_routes
from davy_aggregator.rest.manual import mount_manual
from davy_aggregator.rest.navigation import navigation, navigation_routes
from davy_aggregator.rest.oidc import oidc_routes
from davy_aggregator.rest.preferences import preference_routes
from davy_aggregator.rest.recorded_hls import recorded_hls_routes
from davy_aggregator.rest.recordings import recording_routes
from davy_aggregator.rest.registry import registry_routes
from davy_aggregator.rest.rollouts import rollout_routes
from davy_aggregator.rest.samples import sample_routes
from davy_aggregator.rest.segments import segment_routes
from davy_aggregator.rest.sessions import session_routes
from davy_aggregator.rest.system import system_routes
from davy_aggregator.rest.users import token_routes, user_routes
from davy_aggregator.rest.whep import whep_routes
from davy_aggregator.rest.window import window_routes

DESCRIPTION = """Cameras of a site: newest frames, live streams, events and health; training
samples; models and their rollout to the edges; the configuration of the edges.

Errors are `application/problem+json` (RFC 9457). A camera id has the form `edge.camera`."""


MAX_BODY_BYTES = 1_000_000


def build_app(context: ServiceContext) -> FastAPI:
    """Build the app. /openapi.json has the schema; /docs shows it without files from other hosts."""
    app = FastAPI(
        title="Davy aggregator",
        version=version("davy"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        responses=problem_responses(422),
    )
    install_problem_handlers(app)
    install_metrics(app, context.registry, context.metrics.cameras)
    packages = dict.fromkeys(("/v1/models", "/v1/candidates"), MAX_PACKAGE_BYTES)
    app.add_middleware(BodyLimit, limit_bytes=MAX_BODY_BYTES, larger=packages)
    install_representations(app)
    context.access.protect(app)
    feed = EventFeed(context.archive)
    app.include_router(window_routes(context, feed))
    app.include_router(event_routes(context, feed))
    for routes in (
        session_routes,
        oidc_routes,
        user_routes,
        token_routes,
        journal_routes,
        camera_routes,
        whep_routes,
        hls_routes,
        link_routes,
        recording_routes,
        recorded_hls_routes,
        segment_routes,
        clip_routes,
        alarm_routes,
        alarm_rule_routes,
        drift_routes,
        sample_routes,
        registry_routes,
        candidate_routes,
        rollout_routes,
        config_routes,
        edge_task_routes,
        identity_routes,
        layout_routes,
        preference_routes,
        wall_routes,
        navigation_routes,
        system_routes,
    ):
        app.include_router(routes(context))
    app.include_router(page_routes())
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    mount_web(app, lambda: navigation(context))
    mount_manual(app)
    describe(app, "aggregator", 8080)
    return app
