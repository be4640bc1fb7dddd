"""What the hub itself keeps below LEADWIRE_HOME: secrets that are made once and only the owner may read."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folder of one hub. Whoever writes into it must have started its engines, which hold its lock."""

    folder: Path

    @property
    def secrets(self) -> Path:
        """Only its owner may read what is in here."""
        return self.folder / "secrets"

    def read(self, name: str) -> str | None:
        """The secret of that name; None when there is none yet."""
        file = self.secrets / name
        return (file.read_text().strip() or None) if file.is_file() else None

    def once(self, name: str, size: int = 24) -> str:
        """The secret of that name, made of `size` random bytes on first use."""
        kept = self.read(name)
        if kept is None:
            kept = secrets.token_urlsafe(size)
            self.keep(name, kept)
        return kept

    def keep(self, name: str, value: str) -> None:
        """Write a secret so that a crash leaves the old one or the new one, never half of it."""
        self.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.secrets / f".{name}.new"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.secrets / name)
