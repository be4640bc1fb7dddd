import errno
from pathlib import Path

import pytest

from services.hub.engines.errors import EngineError
from services.hub.engines.nats import NatsServer, check
from services.hub.engines.nats_accounts import accounts
from services.hub.engines.nats_config import Account, Grant, ServerConfig, User, render
from services.hub.engines.nats_grants import SERVICES
from tests.support.accounts import pool_accounts

# Public keys of no consequence.
HUB = "UAECXJ6CCYYQUCG4UAUBDEA34L42CHZWBTKNPT3QFPCQP6AEEAVDWMNN"
KEYS = dict.fromkeys(("hub", "sys", *SERVICES), HUB)


def config_of(folder: Path, members: list[Account]) -> Path:
    path = folder / "nats.conf"
    path.write_text(render(ServerConfig("test", 4222, folder / "store", members, "SYS")))
    return path


def distinct(partners: list[str]) -> list[Account]:
    """Accounts with a real key for each user: the server refuses one key in two places."""
    import base64
    import os

    import nkeys

    def key() -> str:
        seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
        assert base64.b32decode(seed + b"=" * (-len(seed) % 8))
        return str(nkeys.from_seed(bytearray(seed)).public_key.decode())

    return accounts({user: key() for user in KEYS}, {name: key() for name in partners})


@pytest.mark.parametrize("partners", [[], ["acme"], ["acme", "beta-2", "x"]])
def test_the_server_accepts_the_configuration_of_a_hub(home: Path, partners: list[str]) -> None:
    check(config_of(home, distinct(partners)))


def test_the_server_accepts_the_configuration_of_the_tests(home: Path) -> None:
    check(config_of(home, pool_accounts()))


def test_a_wrong_configuration_is_refused_in_the_servers_words(home: Path) -> None:
    path = home / "nats.conf"
    path.write_text("prot: 4222\n")
    with pytest.raises(EngineError, match="prot") as refused:
        check(path)
    assert str(path) in refused.value.remedy


def test_a_full_disk_is_called_so_and_the_old_configuration_stays(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = NatsServer(home, pool_accounts(1))
    server.write_config()
    before = server.config_file.read_text()

    def full(_path: Path, _text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    server.accounts = pool_accounts(2)
    with pytest.raises(EngineError, match=f"the disk of {home} is full"):
        server.write_config()
    assert server.config_file.read_text() == before


def test_a_grant_of_nothing_denies_everything() -> None:
    nobody = Account("A", (User(name="n", password="n", grant=Grant((), ())),))
    text = render(ServerConfig("test", 4222, Path("/x"), [nobody], "A"))
    assert text.count('deny: [">"]') == 2
    assert "allow" not in text


def test_paths_with_blanks_and_quotes_stay_whole(home: Path) -> None:
    folder = home / 'a "quoted" folder'
    folder.mkdir()
    check(config_of(folder, distinct([])))


def test_every_message_is_synced_before_it_is_acknowledged() -> None:
    assert "sync_interval: always" in render(ServerConfig("t", 1, Path("/x"), distinct([]), "SYS"))
