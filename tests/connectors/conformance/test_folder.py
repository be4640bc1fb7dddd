"""A kind's folder is complete, and its parser reaches for nothing outside."""

import ast
import sys

from services.connectors.catalog.kinds import Kind, broken, catalogue
from services.connectors.catalog.manifest import Transport
from services.connectors.kit.maturity import maturity
from tests.connectors.conformance.judge import KINDS, RECORDED, kinds

OURS = (
    "contracts",
    "services.connectors.domain",
    "services.connectors.errors",
    "services.connectors.reading",
)
LIBRARIES = {"contracts", "services", "pydantic", "defusedxml"}
OUTSIDE = {
    "os", "time", "random", "socket", "pathlib", "asyncio", "threading", "subprocess", "uuid", "secrets",
    "tempfile", "shutil", "ssl", "urllib.request", "http.client", "importlib", "multiprocessing",
}  # fmt: skip


@kinds
def test_recordings_come_out_as_expected(kind: Kind) -> None:
    assert RECORDED[kind.name], "record a delivery into fixtures/"
    for fixture in RECORDED[kind.name]:
        assert fixture.told() == fixture.expected, fixture.id


@kinds
def test_recordings_are_named_after_their_event(kind: Kind) -> None:
    declared = kind.manifest.events
    replied = {reply.event for reply in kind.manifest.replies}
    for fixture in RECORDED[kind.name]:
        assert fixture.event in {*declared, *replied, "unknown", "preflight"}, fixture.id
        assert fixture.expected["event"] == fixture.event, fixture.id
        if fixture.event in declared:
            # A guard may set an accepted event aside.
            expected = {declared[fixture.event]} | (
                {"quarantined"} if fixture.expected.get("reason") else set()
            )
            assert fixture.expected["verdict"] in expected, fixture.id
    shown = {fixture.event for fixture in RECORDED[kind.name]}
    unshown = {reply.event for reply in kind.manifest.replies} - shown
    assert not unshown, f"no recording of the reply {unshown}"


@kinds
def test_the_kind_is_ready(kind: Kind) -> None:
    found = maturity(kind)
    assert found.level in ("ready", "proven"), "; ".join(found.missing)


@kinds
def test_it_says_how_to_set_it_up(kind: Kind) -> None:
    text = (kind.folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert len(text) > 400
    unnamed = [setting for setting in kind.manifest.settings if f"`{setting}`" not in text]
    assert not unnamed, f"README.md does not say what {unnamed} means"


@kinds
def test_the_parser_is_short_and_reaches_for_nothing_outside(kind: Kind) -> None:
    source = (kind.folder / "parse.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 150
    for node in ast.walk(ast.parse(source)):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            top = name.partition(".")[0]
            assert top in LIBRARIES or top in sys.stdlib_module_names, name
            assert top not in OUTSIDE, name
            assert name not in OUTSIDE, name
            assert top not in ("contracts", "services") or name.startswith(OURS), name
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute):
            assert called.attr not in ("now", "utcnow", "today"), "a parser has no clock"
        assert not (isinstance(called, ast.Name) and called.id in ("open", "print", "eval", "exec"))


def test_no_manifest_is_broken() -> None:
    assert broken() == {}


def test_no_code_outside_a_kinds_folder_asks_for_it_by_name() -> None:
    transports = {"smtp", "nats", "imap", "folder"}
    assert transports <= set(Transport.__args__)  # type: ignore[attr-defined]
    namesakes = transports | {"standard_webhooks"}  # transports and a scheme that kinds are named after
    root = KINDS[0].folder.parents[1]
    for path in (path for path in root.rglob("*.py") if "catalog" not in path.parts):
        asked = [
            leaf.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Compare)
            for leaf in ast.walk(node)
            if isinstance(leaf, ast.Constant)
        ]
        named = {value for value in asked if value in catalogue()} - namesakes
        assert not named, f"{path} asks for {named}"
