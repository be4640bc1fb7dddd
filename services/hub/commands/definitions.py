"""`leadwire check | diff | apply`: the folder that people keep, and the set that is active."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from services.hub.errors import HubProblem

if TYPE_CHECKING:
    from services.hub.definitions.findings import Finding

Folder = Annotated[Path, typer.Argument(help="Folder with the YAML files.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


def check(folder: Folder, as_json: AsJson = False) -> None:
    """Judge a folder of definitions, without a hub."""
    from services.hub.definitions.check import check as check_all
    from services.hub.definitions.findings import DefinitionsRefused
    from services.hub.definitions.folder import read_folder

    try:
        checked = check_all(read_folder(folder))
    except DefinitionsRefused as refused:
        _refuse(folder, refused.findings, as_json)
    else:
        if as_json:
            print(json.dumps({"findings": [], "version": checked.version}))
        else:
            print(f"{folder}: no mistakes. {checked.summary()}")


def diff(folder: Folder, as_json: AsJson = False) -> None:
    """Show what a folder would change, and what is in flight there."""
    from services.hub.commands.answers import show_changes

    answer = _send("/api/hub/definitions/diff", folder, as_json)
    if as_json:
        print(json.dumps(answer))
    else:
        show_changes(answer)


def apply(
    folder: Annotated[Path | None, typer.Argument(help="Folder with the YAML files.")] = None,
    version: Annotated[
        str | None, typer.Option(help="Activate this earlier set instead of a folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a folder the active set: all of it or nothing."""
    from services.hub import client
    from services.hub.commands.answers import show_changes

    if (folder is None) == (version is None):
        raise HubProblem("Nothing to apply.", "Name a folder, or an earlier set with --version.")
    if folder is not None:
        answer = _send("/api/hub/definitions/apply", folder, as_json)
    else:
        answer = client.post(f"/api/hub/definitions/activate/{version}", timeout=60)
    if as_json:
        print(json.dumps(answer))
        return
    show_changes(answer)
    print(f"Active: {answer['version']}")


def _send(path: str, folder: Path, as_json: bool) -> Any:
    """Hand the folder's texts over. The hub's findings come back as ours would."""
    from services.hub import client
    from services.hub.definitions.findings import DefinitionsRefused, Finding
    from services.hub.definitions.folder import read_folder

    try:
        texts = read_folder(folder)
    except DefinitionsRefused as refused:
        _refuse(folder, refused.findings, as_json)
    answer = client.answer("POST", path, {"files": texts}, timeout=60)
    found = answer.body.get("findings") if isinstance(answer.body, dict) else None
    if not found:
        return client.done(answer)
    return _refuse(folder, [Finding(**finding) for finding in found], as_json)


def _refuse(folder: Path, findings: "list[Finding]", as_json: bool) -> NoReturn:
    """Print every mistake with its place and remedy; exit code 1."""
    if as_json:
        print(json.dumps({"findings": [finding.plain() for finding in findings]}))
        sys.exit(1)
    for finding in findings:
        what = f"{finding.path}: {finding.message}" if finding.path else finding.message
        print(f"{folder / finding.file if finding.file != '.' else folder}", end="")
        print(f":{finding.line}" if finding.line else "", what, sep=": ")
        print(f"    {finding.remedy}")
    many = "1 mistake" if len(findings) == 1 else f"{len(findings)} mistakes"
    print(f"{many}; nothing was changed.", file=sys.stderr)
    sys.exit(1)


COMMANDS = (check, diff, apply)
