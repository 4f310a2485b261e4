"""Operator client of the aggregator's configuration routes."""

from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

from davy.adapters.http.console_client import ConsoleClient
from davy.domain.errors import ChangedMeanwhileError, InvalidInputError

PRECONDITION_FAILED = HTTPStatus.PRECONDITION_FAILED


class ConfigClient(ConsoleClient):
    """Read and change the desired configurations of edges; see ConsoleClient for its arguments and errors."""

    def all(self) -> list[dict[str, Any]]:
        """List the desired and reported configurations of all edges."""
        found: list[dict[str, Any]] = self.ask("GET", "/v1/configs")["edges"]
        return found

    def get(self, edge: str) -> dict[str, Any]:
        """Read the desired and reported configuration of one edge."""
        return self.ask("GET", self._path(edge))

    def put(self, edge: str, change: dict[str, Any], expected: str) -> dict[str, Any]:
        """Set the desired configuration of an edge if the current one has the expected id.

        Raises:
            ChangedMeanwhileError: it has not.
        """
        return self._change(self._path(edge), change, expected)

    def history(self, edge: str) -> list[dict[str, Any]]:
        """List the configurations of an edge, newest first."""
        found: list[dict[str, Any]] = self.ask("GET", self._path(edge) + "/history")["history"]
        return found

    def roll_back(self, edge: str, to: str, who: str, why: str) -> dict[str, Any]:
        return self.ask("POST", self._path(edge) + "/rollback", {"to": to, "who": who, "why": why})

    def _path(self, edge: str) -> str:
        return f"/v1/edges/{quote(edge, safe='')}/config"

    def _change(self, path: str, change: dict[str, Any], expected: str) -> dict[str, Any]:
        try:
            return self.ask("PUT", path, change, **({"If-Match": f'"{expected}"'} if expected else {}))
        except InvalidInputError as error:
            if isinstance(error.__cause__, HTTPError) and error.__cause__.code == PRECONDITION_FAILED:
                raise ChangedMeanwhileError("the configuration", expected, "another") from error
            raise
