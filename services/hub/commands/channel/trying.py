"""`leadwire channel test`: what would become of a delivery. Runs without a hub, stores nothing."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.hub.errors import HubProblem

if TYPE_CHECKING:
    from services.connectors.trial import Trial

_FORMATS = {".http": "http", ".eml": "eml", ".json": "json", ".txt": "stream"}


def try_out(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[CHANNEL] FILE",
            help="A channel of the definitions and a file: .http is a whole request with headers, "
            ".eml a mail, .txt what a socket wrote, anything else a bare body; - reads it from standard "
            "input.",
        ),
    ],
    kind: Annotated[str | None, typer.Option(help="Instead of a channel: a kind from the catalogue.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="With --kind: key=value, may be given again.")
    ] = None,
    definitions: Annotated[
        Path | None, typer.Option(help="Folder with the channel (LEADWIRE_DEFINITIONS).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Show verdict, events and the answer for one delivery."""
    channel, file = _channel_and_file(names, kind)
    raw = sys.stdin.buffer.read() if file == "-" else _read(Path(file))
    wanted = _FORMATS.get(Path(file).suffix, "body")
    trial = _try(channel, kind, settings or [], definitions, raw, wanted)
    if as_json:
        print(json.dumps(_plain(trial), indent=2))
    else:
        _show(trial)
    sys.exit(0 if trial.verdict in ("accepted", "ignored") else 1)


def _channel_and_file(names: list[str], kind: str | None) -> tuple[str, str]:
    if len(names) != (1 if kind else 2):
        raise HubProblem(
            "It takes a channel and a file, or --kind and a file.",
            "Such as: leadwire channel test main-site enquiry.http",
        )
    return ("" if kind else names[0]), names[-1]


def _try(
    channel: str, kind: str | None, settings: list[str], folder: Path | None, raw: bytes, wanted: Any
) -> "Trial":
    from services.connectors.definitions import channel_of
    from services.connectors.trial import try_channel, try_delivery
    from services.runtime.definitions import DefinitionErrors

    secrets = _secrets()
    try:
        if kind:
            return try_delivery(kind, _pairs(settings), raw, wanted, secrets=secrets)
        return try_channel(channel_of(channel, _definition(channel, folder), secrets), raw, wanted)
    except DefinitionErrors as refused:
        first = refused.errors[0]
        raise HubProblem(f"{first.path}: {first.message}.", first.remedy) from None


def _definition(channel: str, folder: Path | None) -> Any:
    """What the folder says of a channel; other mistakes in the folder are check's business."""
    from services.hub.definitions.findings import DefinitionsRefused, suggestion
    from services.hub.definitions.folder import read_folder
    from services.hub.definitions.load import load
    from services.hub.settings import HubSettings

    folder = folder or HubSettings().definitions
    try:
        channels = load(read_folder(folder)).data.get("channels")
    except DefinitionsRefused as refused:
        found = refused.findings[0]
        raise HubProblem(f"{found.place}: {found.message}.", found.remedy) from None
    channels = channels if isinstance(channels, dict) else {}
    if channel not in channels:
        remedy = suggestion(channel, channels, otherwise="Name another folder with --definitions.")
        raise HubProblem(f'There is no channel "{channel}" in {folder}.', remedy)
    return channels[channel]


def _secrets() -> dict[str, str]:
    """The environment, and what `leadwire up` on this machine keeps for the definitions."""
    import os

    from services.hub.home import Home
    from services.hub.settings import HubSettings
    from services.hub.up.channel_secrets import kept

    return {**kept(Home(HubSettings().home)), **os.environ}


def _pairs(settings: list[str]) -> dict[str, str]:
    pairs = dict(pair.split("=", 1) for pair in settings if "=" in pair)
    if len(pairs) != len(settings):
        raise HubProblem("--set takes key=value.", "Such as: --set medium=form")
    return pairs


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        raise HubProblem(f"{file} cannot be read: {problem.strerror}.", "Check its path.") from None


def _plain(trial: "Trial") -> dict[str, Any]:
    answer = trial.answer
    return {
        "verdict": trial.verdict,
        "event": trial.event,
        "reason": trial.reason,
        "events": trial.events,
        "answer": {
            "status": answer.status,
            "headers": answer.headers,
            "body": answer.body.decode("utf-8", "replace"),
        },
    }


def _show(trial: "Trial") -> None:
    reason = f": {trial.reason}" if trial.reason else ""
    print(f"{trial.verdict} ({trial.event}){reason}")
    for event in trial.events:
        print(json.dumps(event, indent=2, ensure_ascii=False))
    print(f"answer: {trial.answer.status}")
    for name, value in trial.answer.headers.items():
        print(f"  {name}: {value}")
    if trial.answer.body:
        print(f"  {trial.answer.body.decode('utf-8', 'replace')}")
