"""Who may connect to the bus: one NKey each, made once, its seed in a file only the owner reads."""

import os
from pathlib import Path

import nkeys

from services.hub.engines.errors import EngineError
from services.runtime.streams import PARTNER_NAME, PARTNER_NAME_RULE

SEED_BYTES = 32


def public_key(seed_file: Path) -> str:
    """The public half of the seed in this file; makes the file first if there is none."""
    if not seed_file.exists():
        _make(seed_file)
    try:
        pair = nkeys.from_seed(bytearray(seed_file.read_bytes().strip()))
        return str(pair.public_key.decode())
    except (OSError, nkeys.NkeysError) as problem:
        raise EngineError(
            f"{seed_file} does not hold an NKey seed",
            "restore it from a backup, or delete it to have a new one made",
        ) from problem


def partner_seed(partners: Path, name: str) -> Path:
    """The file of a partner's seed. EngineError when the name cannot be part of a subject."""
    if not PARTNER_NAME.fullmatch(name):
        raise EngineError(
            f"{name!r} cannot name a partner", PARTNER_NAME_RULE[0].lower() + PARTNER_NAME_RULE[1:-1]
        )
    return partners / f"{name}.nk"


def _make(seed_file: Path) -> None:
    """Write a new seed so that a crash leaves a whole file or none."""
    seed_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    seed = nkeys.encode_seed(os.urandom(SEED_BYTES), nkeys.PREFIX_BYTE_USER)
    fresh = seed_file.with_name(f".{seed_file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(seed + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(seed_file)
