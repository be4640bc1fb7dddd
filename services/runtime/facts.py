"""What a service does with the facts of one stream: handlers by type, one by one or in sets."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from contracts.contract import Contract
from services.runtime.received import Decoder, Received, decoder
from services.runtime.telemetry import span

if TYPE_CHECKING:
    from services.runtime.work import Work

One = Callable[[Received[Any], "Work"], Awaitable[None]]
Many = Callable[[list[Received[Any]], "Work"], Awaitable[None]]
H = TypeVar("H", bound=Callable[..., Awaitable[None]])


def _one_by_one(handler: One) -> Many:
    async def handle(facts: list[Received[Any]], work: "Work") -> None:
        for fact in facts:
            with span(fact.type, fact.cause.traceparent) as here:
                work.cause = replace(fact.cause, traceparent=here or fact.cause.traceparent)
                await handler(fact, work)

    return handle


class Facts:
    """The routing of one stream. Types nobody asked for are passed over.

    A raw stream gives `decode` and one `raw` handler. `inbox=False` is for streams whose handler
    knows repeats by itself.
    """

    def __init__(self, stream: str, *, decode: Decoder | None = None, inbox: bool = True) -> None:
        self.stream = stream
        self.inbox = inbox
        self._decode = decode
        self._contracts: dict[str, type[Contract]] = {}
        self._handlers: dict[str, Many] = {}
        self._raw: Many | None = None

    def on(self, *contracts: type[Contract]) -> Callable[[H], H]:
        """Register `async (fact, work)` for each of the contracts."""

        def register(handler: H) -> H:
            many = _one_by_one(handler)
            for contract in contracts:
                self._route(contract, many)
            return handler

        return register

    def on_many(self, contract: type[Contract]) -> Callable[[H], H]:
        """Register `async (facts, work)`, given runs of one type in stream order."""

        def register(handler: H) -> H:
            self._route(contract, handler)
            return handler

        return register

    def raw(self, handler: H) -> H:
        """Register `async (message, work)` for everything in a raw stream."""
        self._raw = _one_by_one(handler)
        return handler

    def raw_many(self, handler: H) -> H:
        """Register `async (messages, work)` for everything in a raw stream."""
        self._raw = handler
        return handler

    def _route(self, contract: type[Contract], handler: Many) -> None:
        if contract.TYPE in self._handlers:
            raise ValueError(f"{contract.TYPE} has two handlers on {self.stream}; keep one")
        self._contracts[contract.TYPE] = contract
        self._handlers[contract.TYPE] = handler

    def decoder(self) -> Decoder:
        """How this stream's messages are read."""
        return self._decode or decoder(self._contracts)

    def wants(self, fact: Received[Any]) -> bool:
        """Whether a handler exists; what cannot be decoded is wanted, so that it is parked."""
        return bool(fact.broken) or self._raw is not None or fact.type in self._handlers

    async def handle(self, facts: Iterable[Received[Any]], work: "Work") -> None:
        """Hand facts to their handlers: order is kept, neighbours of one handler go together."""
        for handler, run in groupby(facts, key=lambda fact: self._raw or self._handlers[fact.type]):
            batch: Sequence[Received[Any]] = list(run)
            work.cause = batch[0].cause
            await handler(list(batch), work)
