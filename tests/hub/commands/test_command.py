"""The command by itself: what it says and how it ends, against files and against a stub of the hub."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.hub import command
from services.hub.settings import EXAMPLE
from tests.hub.definitions import wrong_folder


class Stub(BaseHTTPRequestHandler):
    """Answers what the test put there, and remembers what it was asked."""

    answers: dict[str, tuple[int, Any]]
    asked: list[tuple[str, str, Any]]

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        path = self.path.split("?")[0]
        self.asked.append((self.command, path, body))
        status, said = self.answers.get(path, (404, {"title": "Not Found", "status": 404}))
        raw = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Stub]]:
    handler = type("OneStub", (Stub,), {"answers": {}, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("LEADWIRE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("LEADWIRE_TOKEN", "lw_test")
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def leadwire(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """`leadwire(*arguments)` -> exit code, what it printed, what it complained."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["leadwire", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            command.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_check_says_that_there_is_nothing_wrong(leadwire: Any) -> None:
    code, out, _ = leadwire("check", EXAMPLE)
    assert code == 0
    assert "no mistakes" in out


def test_check_names_ten_mistakes_with_file_line_and_remedy(leadwire: Any, tmp_path: Path) -> None:
    places = wrong_folder.make(tmp_path)
    code, out, err = leadwire("check", tmp_path)
    assert code == 1
    assert "10 mistakes" in err
    for file, line in places:
        assert f"{tmp_path / file}:{line}: " in out
    code, out, _ = leadwire("check", tmp_path, "--json")
    assert code == 1
    assert len(json.loads(out)["findings"]) == 10


def test_a_folder_that_is_not_there_is_refused_with_a_remedy(leadwire: Any, tmp_path: Path) -> None:
    code, out, _ = leadwire("check", tmp_path / "missing")
    assert code == 1
    assert "no such folder" in out


def test_without_a_hub_the_remedy_is_named(leadwire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADWIRE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("LEADWIRE_TOKEN", "lw_test")
    code, _, err = leadwire("dead", "list")
    assert code == 1
    assert "leadwire up" in err


def test_without_a_token_the_remedy_is_named(
    leadwire: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("LEADWIRE_TOKEN", raising=False)
    monkeypatch.setenv("LEADWIRE_HOME", str(tmp_path))
    code, _, err = leadwire("trace", "x")
    assert code == 1
    assert "LEADWIRE_TOKEN" in err


def test_a_refusal_is_told_with_the_hubs_own_remedy(leadwire: Any, stub: type[Stub]) -> None:
    stub.answers["/api/hub/tokens"] = (
        403,
        {"detail": "This takes the role admin.", "remedy": "Use another."},
    )
    code, _, err = leadwire("token", "create", "anna", "--role", "sales")
    assert code == 1
    assert err == "leadwire: The hub refused: This takes the role admin.\n  Use another.\n"


def test_findings_of_the_hub_are_shown_as_check_shows_them(
    leadwire: Any, stub: type[Stub], tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text("team: {}\n")
    finding = {"file": "a.yaml", "line": 1, "path": "team", "message": "is empty", "remedy": "Add one."}
    stub.answers["/api/hub/definitions/apply"] = (422, {"findings": [finding]})
    code, out, _ = leadwire("apply", tmp_path)
    assert code == 1
    assert f"{tmp_path / 'a.yaml'}:1: team: is empty" in out


def test_apply_sends_the_texts_and_shows_what_changed(
    leadwire: Any, stub: type[Stub], tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text("team: {}\n")
    change = {"key": "funnels", "name": "reach", "did": "changed", "in_flight": "new: 12"}
    done = {"version": "abc", "changes": [change], "silent": ["notifications"], "notes": ["Mind the gap."]}
    stub.answers["/api/hub/definitions/apply"] = (200, done)
    code, out, _ = leadwire("apply", tmp_path)
    assert code == 0
    assert stub.asked[0][2] == {"files": {"a.yaml": "team: {}\n"}}
    for part in (
        "~ funnels.reach",
        "new: 12",
        "notifications did not answer",
        "Mind the gap.",
        "Active: abc",
    ):
        assert part in out


def test_apply_takes_a_folder_or_a_version(leadwire: Any, stub: type[Stub]) -> None:
    assert leadwire("apply")[0] == 1
    done = {"version": "abc", "changes": [], "silent": [], "notes": []}
    stub.answers["/api/hub/definitions/activate/abc"] = (200, done)
    code, out, _ = leadwire("apply", "--version", "abc")
    assert (code, "Active: abc" in out) == (0, True)


def test_dead_letters_of_all_services_are_listed_together(leadwire: Any, stub: type[Stub]) -> None:
    for service in ("connectors", "leads", "deals", "notifications"):
        row = {"id": 3, "type": "t", "recovery": "person", "attempts": 1, "reason": "a\nlast line"}
        row |= {"parked_at": "2026-01-01T00:00:00Z", "next_try": None, "stream": "s", "key": "k"}
        stub.answers[f"/api/{service}/dead"] = (200, {"items": [row]})
    code, out, _ = leadwire("dead", "list")
    assert code == 0
    assert "leads/3" in out
    assert "last line" in out
    stub.answers["/api/leads/dead/3/redrive"] = (200, {"result": "handled"})
    assert leadwire("dead", "redrive", "leads/3")[:2] == (0, "handled\n")
    assert leadwire("dead", "redrive", "3")[0] == 1


def test_a_trace_is_a_path_with_times_and_where_it_waits_and_was_parked(
    leadwire: Any, stub: type[Stub]
) -> None:
    at = "2026-01-01T00:00:01Z"
    entry = {"service": "leads", "at": at, "did": "captured a lead", "correlation": "d", "event_id": "e"}
    timer = {"service": "deals", "kind": "stage_rule", "due_at": at, "zone": "Europe/London", "rule": "2d"}
    row = {"service": "leads", "id": 9, "recovery": "person", "reason": "x\nno such thing", "next_try": None}
    found = {"asked": "d", "entries": [entry], "waiting": [timer], "parked": [row], "silent": ["deals"]}
    stub.answers["/api/hub/trace/%2B44%201"] = (200, found)
    code, out, _ = leadwire("trace", "+44 1")
    assert code == 0
    for part in ("captured a lead", "waits until 2026-01-01 00:00 Europe/London", "no such thing"):
        assert part in out
    assert "leadwire dead redrive leads/9" in out
    assert "deals did not answer" in out


def test_publish_hands_the_bytes_over(leadwire: Any, stub: type[Stub], tmp_path: Path) -> None:
    file = tmp_path / "mail.eml"
    file.write_bytes(b"Subject: \xff\r\n")
    stub.answers["/api/hub/publish"] = (200, {"delivery": "d1"})
    assert leadwire("publish", "inbox", file)[:2] == (0, "d1\n")
    assert stub.asked[0][2] == {
        "channel": "inbox",
        "body": "U3ViamVjdDog/w0K",
        "content_type": "message/rfc822",
    }
    assert leadwire("publish", "inbox", tmp_path / "none")[0] == 1


def test_replay_tells_what_it_did(leadwire: Any, stub: type[Stub]) -> None:
    done = {"read": 3, "parsed": 2, "still_failed": 1}
    stub.answers["/api/connectors/channels/main-site/replay"] = (200, done)
    code, out, _ = leadwire("replay", "main-site", "--since", "2026-01-01", "--all")
    assert (code, out) == (0, "read: 3, parsed: 2, still failed: 1\n")
    assert stub.asked[0][2] == {"since": "2026-01-01T00:00:00+00:00", "only_failed": False}


def test_a_delivery_is_tried_out_without_a_hub(leadwire: Any, tmp_path: Path) -> None:
    file = tmp_path / "form.txt"
    file.write_text("your-name=Sam&your-email=sam%40school.test&question=Hi")
    code, out, _ = leadwire("channel", "test", "main-site", file, "--json")
    tried = json.loads(out)
    assert (code, tried["verdict"], tried["answer"]["status"]) == (0, "accepted", 200)
    assert tried["events"][0]["sender"]["name"] == "Sam"
    code, out, _ = leadwire("channel", "test", "--kind", "form", file)
    assert (code, out.startswith("accepted")) == (0, True)
    code, _, err = leadwire("channel", "test", "main-sit", file)
    assert (code, 'Did you mean "main-site"?' in err) == (1, True)
    code, _, err = leadwire("channel", "test", "--kind", "from", file)
    assert (code, 'Did you mean "form"?' in err) == (1, True)
    file.write_text("")
    code, out, _ = leadwire("channel", "test", "main-site", file)
    assert code == 0
    assert out.startswith("ignored")
