"""Nothing that comes in makes a service ask an address: only the command speaks HTTP to somebody."""

import ast

import pytest

from tests.architecture.source import ROOT

CLIENTS = frozenset({"aiohttp", "http.client", "httpx", "requests", "urllib.request", "urllib3"})
# What reaches out, and to whom. Whoever adds a line here bounds the addresses that it may ask.
ALLOWED = {
    "services/hub/client.py": "the command asks the hub that LEADWIRE_URL names",
    "services/connectors/outside/client.py": "vendors, at addresses that a manifest or a definition names",
    "services/connectors/outside/downloads.py": "files, at addresses in deliveries: public ones (guard.py)",
}
FILES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "services").rglob("*.py"))


def imported(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_no_service_has_an_http_client() -> None:
    reach_out = {path for path in FILES if imported((ROOT / path).read_text("utf-8")) & CLIENTS}
    assert reach_out - ALLOWED.keys() == set()


@pytest.mark.parametrize(
    ("source", "client"),
    [
        ("import httpx", "httpx"),
        ("from urllib.request import urlopen", "urllib.request"),
        ("from urllib import request", "urllib.request"),
    ],
)
def test_a_client_is_found_however_it_is_imported(source: str, client: str) -> None:
    assert client in imported(source) & CLIENTS
