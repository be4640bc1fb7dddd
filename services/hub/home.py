"""What the hub itself keeps below LEADWIRE_HOME: secrets that are made once and only the owner may read."""

from dataclasses import dataclass
from pathlib import Path

from services.hub import secret_files


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
        return secret_files.read(self.secrets / name)

    def once(self, name: str, size: int = 24) -> str:
        """The secret of that name, made of `size` random bytes on first use."""
        return secret_files.once(self.secrets / name, size)

    def keep(self, name: str, value: str) -> None:
        """Write a secret so that a crash leaves the old one or the new one, never half of it."""
        secret_files.keep(self.secrets / name, value)
