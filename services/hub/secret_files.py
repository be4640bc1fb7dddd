"""Secrets in files of their own that only the owner may read: made once, never half written."""

import os
import secrets
from pathlib import Path


def read(file: Path) -> str | None:
    """The secret in this file; None when there is none yet."""
    return (file.read_text().strip() or None) if file.is_file() else None


def once(file: Path, size: int = 24) -> str:
    """The secret in this file, made of `size` random bytes on first use. Safe inside addresses."""
    kept = read(file)
    if kept is None:
        kept = secrets.token_urlsafe(size)
        keep(file, kept)
    return kept


def keep(file: Path, value: str) -> None:
    """Write a secret so that a crash leaves the old one or the new one, never half of it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as draft:
        draft.write(value + "\n")
        draft.flush()
        os.fsync(draft.fileno())
    fresh.replace(file)
