"""`leadwire channel`: a new kind's folder, what is expected of recordings, deliveries as they come."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.hub import client
from services.hub.commands.channel import app, watching
from services.hub.errors import HubProblem

ROW = {
    "id": "5c1f",
    "verdict": "failed",
    "reason": "the body is not JSON",
    "event": "unknown",
    "times": 2,
    "size": 214,
    "last_received_at": "2026-01-15T10:00:00Z",
}


def run(*arguments: object) -> str:
    ended = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    return ended.output


def test_new_makes_a_whole_folder_and_no_second_one(tmp_path: Path) -> None:
    run("new", "ping_chat", "--into", tmp_path)
    made = {str(path.relative_to(tmp_path / "ping_chat")) for path in tmp_path.rglob("*") if path.is_file()}
    assert {"manifest.toml", "parse.py", "README.md", "fixtures/message__first.http"} <= made
    assert 'title = "ping_chat"' in (tmp_path / "ping_chat" / "manifest.toml").read_text()
    for wrong in ("ping_chat", "Ping-Chat"):
        with pytest.raises(HubProblem):
            run("new", wrong, "--into", tmp_path)


def test_expect_says_how_far_a_kind_is() -> None:
    told = run("expect", "telegram")
    assert "telegram is ready" in told
    assert "* " not in told
    with pytest.raises(HubProblem):
        run("expect", "telegramm")


def test_release_takes_one_delivery_or_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, object]] = []

    def post(path: str, body: object, timeout: float) -> dict[str, int]:
        asked.append((path, body))
        return {"released": 2, "published": 2}

    monkeypatch.setattr(client, "post", post)
    assert run("release", "main-site", "--all") == "released: 2, published: 2\n"
    assert json.loads(run("release", "main-site", "5c1f", "--json"))["released"] == 2
    path = "/api/connectors/channels/main-site/release"
    assert asked == [(path, {"delivery": None}), (path, {"delivery": "5c1f"})]
    for wrong in ((), ("5c1f", "--all")):
        with pytest.raises(HubProblem):
            run("release", "main-site", *wrong)


def test_watch_shows_each_arrival_and_each_verdict_once(monkeypatch: pytest.MonkeyPatch) -> None:
    later: dict[str, Any] = {**ROW, "verdict": "accepted", "reason": "", "event": "submission"}
    pages = iter([[ROW], [ROW], [later]])
    listed = [{"name": "main-site", "open": False}]
    monkeypatch.setattr(client, "get", lambda path, **query: listed if "channels" in path else next(pages))
    monkeypatch.setattr(watching, "_PAUSE_SECONDS", 0)
    standing, first, second = run("watch", "main-site", "--stop-after", 2).splitlines()
    assert standing == "# closed: a secret it needs has no value"
    assert "failed (unknown) x2: the body is not JSON" in first
    assert "accepted (submission)" in second
    pages = iter([[ROW]])
    assert json.loads(run("watch", "main-site", "--stop-after", 1, "--json"))["id"] == "5c1f"


def test_list_tells_how_drivers_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    view: dict[str, Any] = {"kind": "telegram", "inlet": "poll", "open": True, "deliveries": {"accepted": 2}}
    driver = {
        "state": "connecting",
        "since": "2026-01-15T10:00:00Z",
        "holder": "1",
        "trouble": "a webhook is set",
    }
    site = {**view, "name": "site", "kind": "form", "inlet": "/in/site", "driver": None, "deliveries": {}}
    listed = [{**view, "name": "bot", "driver": driver}, site]
    monkeypatch.setattr(client, "get", lambda path, **query: listed)
    bot, form = run("list").splitlines()
    assert bot == (
        "bot   telegram at poll  ·  connecting since 2026-01-15 10:00:00: a webhook is set  ·  2 accepted"
    )
    assert form == "site  form at /in/site"
    assert json.loads(run("list", "--json"))[0]["driver"] == driver
