"""Decisions that any replica accepts and the leader makes: their names, arguments, results and errors as JSON."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

from davy.domain.errors import DavyError, UnavailableError
from davy.streams.lead import Lead


class Service(Protocol):
    """A service with a leader."""

    @property
    def lead(self) -> Lead:
        """Who decides."""
        ...


S = TypeVar("S", bound=Service)
P = ParamSpec("P")
R = TypeVar("R")
_OPERATION = "__leader_operation__"


class Operation:
    """The wire form of one method. The types of its arguments and result are ones that pydantic reads and writes."""

    def __init__(self, method: Callable[..., Awaitable[Any]]) -> None:
        self.method, self.name = method, method.__qualname__
        self._signature = inspect.signature(method)

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(self.method)

    @cached_property
    def _arguments(self) -> type[BaseModel]:
        names = [name for name in self._signature.parameters if name != "self"]
        fields: dict[str, Any] = {name: (self._hints[name], ...) for name in names}
        config = ConfigDict(arbitrary_types_allowed=False, ser_json_bytes="base64", val_json_bytes="base64")
        return create_model("Arguments", __config__=config, **fields)

    @cached_property
    def _result(self) -> "TypeAdapter[Any]":
        return TypeAdapter(self._hints["return"])

    def arguments(self, service: object, *args: object, **kwargs: object) -> str:
        """Return the arguments of a call as JSON."""
        bound = self._signature.bind(service, *args, **kwargs)
        bound.apply_defaults()
        given = {name: value for name, value in bound.arguments.items() if name != "self"}
        return self._arguments(**given).model_dump_json()

    def result(self, answer: str) -> Any:  # noqa: ANN401  # of the method
        """Read a result."""
        return self._result.validate_json(answer)

    async def carry_out(self, service: object, arguments: str) -> str:
        """Call the method of a service; return its result as JSON."""
        given = self._arguments.model_validate_json(arguments)
        found = await self.method(service, **{name: getattr(given, name) for name in type(given).model_fields})
        return self._result.dump_json(found).decode()


def by_leader(
    method: Callable[Concatenate[S, P], Awaitable[R]],
) -> Callable[Concatenate[S, P], Awaitable[R]]:
    """Have the leader run a method of a service, wherever it is called."""
    operation = Operation(method)

    @wraps(method)
    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.lead.leads or not self.lead.can_ask:
            return await method(self, *args, **kwargs)
        return cast("R", operation.result(await self.lead.ask(operation.name, operation.arguments(self, *args, **kwargs))))

    setattr(call, _OPERATION, operation)
    return call


def operations_of(service: object) -> Iterator[Operation]:
    """Yield the operations of a service."""
    for _, method in inspect.getmembers(type(service), inspect.isfunction):
        if (operation := getattr(method, _OPERATION, None)) is not None:
            yield operation


class RemoteError(BaseModel):
    """An error as the leader writes it."""

    kind: str
    message: str
    facts: dict[str, Any] = {}

    @classmethod
    def of(cls, error: DavyError) -> "RemoteError":
        """Describe an error."""
        return cls(kind=type(error).__name__, message=str(error), facts=vars(error))

    def to_error(self) -> DavyError:
        """Make the error again; one of a class that this version does not know is an UnavailableError."""
        known = next((each for each in _kinds(DavyError) if each.__name__ == self.kind), None)
        if known is None:
            return UnavailableError(self.message)
        error = known.__new__(known)
        error.args = (self.message,)
        vars(error).update(self.facts)
        return error


def _kinds(base: type[DavyError]) -> Iterator[type[DavyError]]:
    yield base
    for each in base.__subclasses__():
        yield from _kinds(each)
