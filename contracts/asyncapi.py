"""The AsyncAPI 3.0 document: who publishes what on which subject, in which stream, ordered by which key."""

from importlib.metadata import version
from typing import Any

from contracts.catalog import Schema, contracts, questions, schema_of
from contracts.contract import PARTITIONS, Contract, Fact
from contracts.envelope import CONTENT_TYPE, KEY_HEADER
from contracts.questions import SERVICES, Question

ABOUT = (
    "Facts are published by the one service that owns them, commands are done by the one that owns them, "
    "and questions are answered by request/reply. Every event is a CloudEvent in structured JSON. Facts of "
    "one key arrive in order; `x-standing: snapshot` means that a stale one may be dropped."
)
HEADERS = {
    "Nats-Msg-Id": "The event id.",
    "Content-Type": CONTENT_TYPE,
    "ce-id": "The event id.",
    "ce-type": "The contract and its version.",
    KEY_HEADER: "The ordering key.",
    "traceparent": "W3C trace context, when there is one.",
}
PARTITION = {
    "description": f"crc32 of the key modulo {PARTITIONS}, in two digits; subscribe with * to get all.",
    "examples": ["00", f"{PARTITIONS - 1:02d}"],
}


def document() -> dict[str, Any]:
    """The whole document, ready to be written as YAML."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Leadwire",
            "version": version("leadwire"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": _messages(),
            "messageTraits": {"headers": {"headers": {"type": "object", "properties": _headers()}}},
            "parameters": {"partition": PARTITION},
        },
    }


def _channels() -> dict[str, Any]:
    found = {contract.TYPE: _channel(contract) for contract in contracts()}
    for question in questions():
        name = _name(question)
        found[name] = {"address": question.TYPE, "messages": _one(question.__name__)}
        if "{service}" in question.TYPE:
            found[name]["parameters"] = {"service": {"enum": list(SERVICES)}}
        found[f"{name}.reply"] = {"address": None, "messages": _one(question.ANSWER.__name__)}
    found["ingress"] = {
        "address": "ingress.{partner}",
        "description": "Where an outside system publishes, with credentials that reach nothing else.",
        "parameters": {"partner": {"description": "Name of the channel wired to this partner."}},
        "messages": _one("IngressEvent"),
        "x-stream": "INGRESS_<PARTNER>",
    }
    return found


def _channel(contract: type[Contract]) -> Schema:
    schema = schema_of(contract)
    declared = {name: value for name, value in schema.items() if name.startswith("x-")}
    channel = {"address": contract.TYPE, "messages": _one(contract.__name__)} | declared
    if issubclass(contract, Fact):
        channel["address"] = f"{contract.TYPE}.{{partition}}"
        channel["parameters"] = {"partition": _ref("components/parameters", "partition")}
    return channel


def _operations() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for contract in contracts():
        action = "send" if issubclass(contract, Fact) else "receive"
        found[contract.__name__] = {"action": action, "channel": _ref("channels", contract.TYPE)}
    for question in questions():
        name = _name(question)
        found[question.__name__] = {
            "action": "receive",
            "channel": _ref("channels", name),
            "reply": {"channel": _ref("channels", f"{name}.reply")},
        }
    found["Ingress"] = {"action": "receive", "channel": _ref("channels", "ingress")}
    return found


def _messages() -> dict[str, Any]:
    found = {contract.__name__: _event(contract) for contract in contracts()}
    for question in questions():
        for model, end in ((question, "question"), (question.ANSWER, "answer")):
            found[model.__name__] = {
                "contentType": "application/json",
                "payload": {"$ref": f"./schemas/{_name(question)}.{end}.json"},
            }
    found["IngressEvent"] = {
        "summary": "Any CloudEvent; the channel's mapping says what is taken from its data.",
        "payload": {"$ref": "./schemas/envelope.json"},
    }
    return found


def _event(contract: type[Contract]) -> Schema:
    payload = {
        "allOf": [
            {"$ref": "./schemas/envelope.json"},
            {
                "type": "object",
                "required": ["data"],
                "properties": {
                    "type": {"const": contract.TYPE},
                    "data": {"$ref": f"./schemas/{contract.TYPE}.json"},
                },
            },
        ]
    }
    return {
        "name": contract.TYPE,
        "summary": (contract.__doc__ or "").strip(),
        "traits": [_ref("components/messageTraits", "headers")],
        "payload": payload,
    }


def _headers() -> Schema:
    return {name: {"type": "string", "description": meaning} for name, meaning in HEADERS.items()}


def _name(question: type[Question]) -> str:
    return question.TYPE.replace("{service}.", "")


def _one(message: str) -> Schema:
    return {message: _ref("components/messages", message)}


def _ref(where: str, name: str) -> Schema:
    return {"$ref": f"#/{where}/{name}"}
