"""Operator client of the aggregator's routes of models and candidates."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from davy.adapters.http.console_client import ConsoleClient

ZIP = "application/zip"


class ModelClient(ConsoleClient):
    """List and read candidates, and add signed models; see ConsoleClient for its arguments and errors."""

    def candidates(self) -> list[dict[str, Any]]:
        """List the candidates, newest first, as GET /v1/candidates answers."""
        found: list[dict[str, Any]] = self.ask("GET", "/v1/candidates")["candidates"]
        return found

    def read_candidate(self, name: str) -> bytes:
        """Read the package of a candidate."""
        return self.send("GET", f"/v1/candidates/{quote(name, safe='')}/package.zip")

    def propose(self, package: bytes, cause: str, checks: Sequence[str]) -> dict[str, Any]:
        """Propose a package without a signature; return the candidate."""
        query = urlencode([("cause", cause), *(("check", check) for check in checks)])
        return self.parse(self.send("POST", f"/v1/candidates?{query}", package, ZIP))

    def read_model(self, name: str) -> bytes:
        """Read the signed package of a model; the caller verifies it."""
        return self.send("GET", f"/v1/models/{quote(name, safe='')}/package.zip")

    def reject(self, name: str) -> None:
        """Delete a candidate."""
        self.send("DELETE", f"/v1/candidates/{quote(name, safe='')}")

    def add(self, package: bytes) -> dict[str, Any]:
        """Add a signed package; return the model."""
        return self.parse(self.send("POST", "/v1/models", package, ZIP))

    def tag(self, name: str, tag: str) -> None:
        """Tag a model."""
        self.send("PUT", f"/v1/models/{quote(name, safe='')}/tags/{quote(tag, safe='')}")
