"""Route /manual: the manual, if the package contains it. A wheel does if `mkdocs build` ran before its build."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

MANUAL = Path(__file__).parent.parent / "manual"
# The theme has inline scripts and styles; nothing comes from another host.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
}


class _Pages(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_HEADERS)
        return response


def mount_manual(app: FastAPI, folder: Path = MANUAL) -> None:
    """Serve the folder of the manual at /manual if it exists."""
    if (folder / "index.html").is_file():
        app.mount("/manual", _Pages(directory=folder, html=True), name="manual")
