"""What is made before any engine runs: once, each for its reader alone, and nothing of it twice."""

from pathlib import Path

import pytest

from services.hub.deployment import bus
from services.hub.deployment.places import Places
from services.hub.deployment.preparing import password_in, prepare, role_files
from services.hub.engines.nats import check
from services.hub.settings import HubSettings


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def everything(places: Places) -> dict[str, str]:
    return {str(file): file.read_text() for file in places.folder.rglob("*") if file.is_file()}


def test_a_second_run_changes_nothing(places: Places) -> None:
    prepare(HubSettings(), places)
    before = everything(places)
    assert prepare(HubSettings(), places)[0].startswith("Kept")
    assert everything(places) == before


def test_only_the_owner_reads_what_was_made(places: Places) -> None:
    prepare(HubSettings(), places)
    assert {file.stat().st_mode & 0o777 for file in places.folder.rglob("*") if file.is_file()} == {0o600}


def test_every_role_has_a_password_of_its_own(places: Places) -> None:
    prepare(HubSettings(), places)
    passwords = {password_in(file.read_text().strip()) for file in role_files(places).values()}
    assert len(passwords) == 5
    assert "" not in passwords


def test_another_server_keeps_the_passwords(places: Places) -> None:
    prepare(HubSettings(), places)
    before = password_in(places.owner_url.read_text().strip())
    prepare(HubSettings(database_server="db.example:6432"), places)
    assert places.owner_url.read_text() == f"postgresql://leadwire:{before}@db.example:6432/leadwire\n"


def test_the_bus_takes_its_configuration_which_holds_no_secret(places: Places) -> None:
    prepare(HubSettings(), places)
    check(places.bus_config)
    text = places.bus_config.read_text()
    assert "PARTNER_COURSES-PORTAL" in text
    seeds = [file.read_text().strip() for file in places.folder.rglob("*.nk")]
    assert len(seeds) == 7
    assert [seed for seed in seeds if seed in text] == []


def test_partners_that_were_admitted_stay_so(places: Places) -> None:
    prepare(HubSettings(), places)
    assert bus.configure(places, ["acme"])
    prepare(HubSettings(), places)
    assert bus.admitted(places) == ["acme"]
    assert "PARTNER_COURSES-PORTAL" not in places.bus_config.read_text()
