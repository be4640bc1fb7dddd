"""Who PostgreSQL runs as: it refuses to run as root, so a hub run by root finds it another identity."""

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from services.hub.engines.child import Program, launched
from services.hub.engines.errors import EngineError

NOBODY = 65534
"""Who nobody is where /etc/passwd does not say."""


@dataclass(frozen=True)
class Identity:
    """How the launcher runs a program, and whose files it sees as its own."""

    launcher: str
    owner: int


def choose(binary: Path, data: Path) -> Identity:
    """The first identity under which `binary` runs and reaches its data. EngineError when none does."""
    said = []
    for identity in _candidates(data):
        if identity.launcher == "same":
            return identity
        problem = _try(identity, binary, data.parent)
        if not problem:
            return identity
        said.append(f"{identity.launcher}: {problem}")
    raise EngineError(
        "PostgreSQL does not run as root, and no other identity works here (" + "; ".join(said) + ")",
        "run the hub as an ordinary user, or move the project and LEADWIRE_HOME out of /root to where "
        "everybody may enter (chmod o+x on each parent folder)",
    )


def _candidates(data: Path) -> list[Identity]:
    me = os.geteuid()
    unprivileged = _unprivileged()
    namespace = Identity(f"namespace:{unprivileged}", me)
    if me != 0:
        # initdb insists on a name for its user; a container may run us under a number alone.
        return [Identity("same", me)] if _named(me) else [namespace]
    wanted = _owner(data) or unprivileged
    return [Identity(f"drop:{wanted}", wanted), namespace]


def _named(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return False


def _unprivileged() -> int:
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return NOBODY


def give(folder: Path, identity: Identity) -> None:
    """Make a folder and all in it belong to the identity; does nothing when it already does."""
    if os.geteuid() != 0 or folder.stat().st_uid == identity.owner:
        return
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.lchown(Path(root) / name, identity.owner, identity.owner)
    # The top last: it says that all below is done.
    os.chown(folder, identity.owner, identity.owner)


def _owner(folder: Path) -> int:
    return folder.stat().st_uid if folder.exists() else 0


def _try(identity: Identity, binary: Path, folder: Path) -> str:
    """What is wrong with this identity; empty when nothing is."""
    if identity.launcher.startswith("namespace") and sys.platform != "linux":
        return "only Linux has user namespaces"
    program = Program("probe", [str(binary), "--version"], Path(), Path(), folder, identity.launcher)
    tried = subprocess.run(launched(program), capture_output=True, text=True, timeout=20, check=False)
    if tried.returncode == 0:
        return ""
    return (tried.stderr.strip().splitlines() or ["it does not start"])[-1]
