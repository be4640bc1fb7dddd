"""`leadwire channel new | expect`: a kind's folder, and what is expected of its recordings."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.hub.errors import HubProblem

if TYPE_CHECKING:
    from services.connectors.catalog.kinds import Kind
    from services.connectors.kit.recorded import Fixture


def new(
    kind: Annotated[str, typer.Argument(help="Its name: a-z, 0-9 and _; it becomes the folder's.")],
    into: Annotated[
        Path | None, typer.Option(help="Folder of kinds; the catalogue of this installation if left out.")
    ] = None,
) -> None:
    """Make the folder of a new kind, with a recording that fails until its parser is written."""
    from services.connectors.catalog.kinds import CATALOG
    from services.connectors.errors import ManifestError
    from services.connectors.kit.starter import make_kind

    try:
        made = make_kind(kind, into or CATALOG)
    except ManifestError as wrong:
        raise HubProblem(f"{wrong}.", "Choose another name.") from None
    except OSError as problem:
        raise HubProblem(
            f"The folder cannot be made: {problem.strerror}.", "Name another with --into."
        ) from None
    for path in made:
        print(path)
    print("\nNext: manifest.toml, recordings, parse.py and README.md, as docs/tutorials/new-channel.md says.")
    print(f"Then: leadwire channel expect {kind}")


def expect(
    kind: Annotated[str, typer.Argument(help="A kind of the catalogue.")],
    sign: Annotated[
        Path | None,
        typer.Option(help="Instead: put a right signature into this .http file of the kind."),
    ] = None,
) -> None:
    """Write down what comes of each recording of a kind. Read it before you believe it."""
    from services.connectors.kit.answers import answers_of
    from services.connectors.kit.maturity import maturity
    from services.connectors.kit.recorded import fixtures_of

    found = _kind(kind)
    recordings = fixtures_of(found)
    _check_channels(recordings)
    if sign is not None:
        _sign(recordings, sign)
        return
    for recording in recordings:
        print(_written(recording))
    for answer in answers_of(found):
        print(answer.write())
    reached = maturity(_kind(kind))
    print(f"\n{kind} is {reached}" + "".join(f"\n  {missing}" for missing in reached.missing))
    sys.exit(1 if reached.missing else 0)


def _check_channels(recordings: list["Fixture"]) -> None:
    """Every recording has a channel that could be applied."""
    from services.runtime.definitions import DefinitionErrors

    for recording in recordings:
        try:
            _ = recording.channel
        except DefinitionErrors as refused:
            first = refused.errors[0]
            raise HubProblem(
                f"The channel of {recording.path.name}: {first.path}: {first.message}.", first.remedy
            ) from None
        except (OSError, ValueError) as problem:
            raise HubProblem(
                f"The channel of {recording.path.name} cannot be read: {problem}.",
                "Correct fixtures/channel.json, or the .channel.json beside the recording.",
            ) from None


def _written(recording: "Fixture") -> str:
    """Write what comes of it, unless that is another event than its name says; a line about it."""
    told = recording.told()
    verdict = f"{told['verdict']} ({told['event']})  {told.get('reason', '')}".rstrip()
    mark = " "
    if told["event"] != recording.event:
        mark = "!"
        verdict += f"; its name says {recording.event}, so nothing is written"
    elif told != recording.expected:
        mark = "*"
        text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
        recording.expected_path.write_text(text, encoding="utf-8")
    return f"{mark} {recording.path.name:<48} {verdict}"


def _kind(name: str) -> "Kind":
    from services.connectors.catalog.kinds import broken, catalogue
    from services.hub.definitions.findings import suggestion

    if name in broken():
        raise HubProblem(f"{broken()[name]}", "Correct the manifest.")
    if name not in catalogue():
        remedy = suggestion(name, catalogue(), otherwise="Make it with leadwire channel new.")
        raise HubProblem(f'There is no kind "{name}".', remedy)
    return catalogue()[name]


def _sign(recordings: list["Fixture"], file: Path) -> None:
    from services.connectors.kit.maturity import proves_itself
    from services.connectors.verify.signing import signed

    recording = next((one for one in recordings if one.path.name == file.name and one.format == "http"), None)
    if recording is None:
        raise HubProblem(
            f"{file.name} is no .http recording of this kind.", "Name one in its fixtures folder."
        )
    proof = recording.kind.manifest.verification
    try:
        raw = signed(proof, recording.presented(), recording.channel.held, recording.raw)
    except ValueError as problem:
        if proves_itself(recording):
            print(f"{recording.path} holds a right proof already")
            return
        raise HubProblem(
            f"It cannot be signed: {problem}.", "Or sign it with the vendor's own tool."
        ) from None
    recording.path.write_bytes(raw)
    print(f"signed {recording.path}")
