"""Both locks say the same, cover what is declared, and name no index but the public one."""

import re
import tomllib

from tests.architecture.source import ROOT, text

PUBLIC = {"pypi.org", "files.pythonhosted.org"}
REMEDY = "run `make lock`"


def named(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def plain_lock() -> dict[str, str]:
    wanted = [
        line.split(";")[0].strip() for line in text("requirements.lock").splitlines() if line[:1].isalnum()
    ]
    return {named(line): line.split("==")[1] for line in wanted}


def test_locks_name_only_the_public_index() -> None:
    hosts = set(re.findall(r"(?:https?|file)://([^/\s\"]*)", text("uv.lock") + text("requirements.lock")))
    assert hosts <= PUBLIC, REMEDY


def test_the_plain_lock_has_the_versions_of_uv_lock() -> None:
    resolved = {entry["name"]: entry["version"] for entry in tomllib.loads(text("uv.lock"))["package"]}
    plain = plain_lock()
    assert {name: resolved.get(name) for name in plain} == plain, REMEDY
    assert resolved.keys() - plain.keys() == {"leadwire"}, REMEDY


def test_everything_that_is_declared_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    assert {named(requirement) for group in groups for requirement in group} - plain_lock().keys() == set(), (
        REMEDY
    )
