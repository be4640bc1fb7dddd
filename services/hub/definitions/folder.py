"""From a folder to texts by relative name. The hub gets texts, so that findings name the same lines."""

import os
from pathlib import Path

from services.hub.definitions import limits
from services.hub.definitions.findings import DefinitionsRefused, Finding

Texts = dict[str, str]
YAML_ENDINGS = (".yaml", ".yml")
TEMPLATE_ENDING = ".liquid"
TEMPLATES = "templates/"


def read_folder(folder: Path) -> Texts:
    """The definition files below a folder. Raises DefinitionsRefused."""
    if not folder.is_dir():
        raise _refused(str(folder), "there is no such folder", "Name the folder with the YAML files.")
    names = sorted(_names(folder))
    if not names:
        raise _refused(
            str(folder),
            "the folder holds no definitions",
            "Put at least one .yaml file into it; examples/language-school is a start.",
        )
    texts: Texts = {}
    findings: list[Finding] = []
    for name in names:
        try:
            texts[name] = _text(folder / name)
        except DefinitionsRefused as refused:
            findings += [Finding(name, 0, "", f.message, f.remedy) for f in refused.findings]
    if findings:
        raise DefinitionsRefused(findings)
    limit_size(texts)
    return texts


def limit_size(texts: Texts) -> None:
    """Raises DefinitionsRefused when there is more text than a hub accepts."""
    findings = [
        Finding(
            name,
            0,
            "",
            f"the file is larger than {limits.FILE_BYTES // 1024} KiB",
            "Split it; any file may hold any top-level key.",
        )
        for name, text in texts.items()
        if len(text.encode()) > limits.FILE_BYTES
    ]
    total = sum(len(text.encode()) for text in texts.values())
    if total > limits.FOLDER_BYTES or len(texts) > limits.FILES:
        most = f"{limits.FILES} files or {limits.FOLDER_BYTES // 1024} KiB"
        findings.append(
            Finding(".", 0, "", f"the folder holds more than {most}", "Move what is no definition.")
        )
    if findings:
        raise DefinitionsRefused(findings)


def _names(folder: Path) -> list[str]:
    """Relative names with forward slashes; hidden files and folders are left out."""
    found: list[str] = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in files:
            name = (Path(root) / file).relative_to(folder).as_posix()
            if not file.startswith(".") and _is_definition(name):
                found.append(name)
        if len(found) > limits.FILES:
            break
    return found


def _is_definition(name: str) -> bool:
    if name.startswith(TEMPLATES):
        return name.endswith(TEMPLATE_ENDING)
    return name.endswith(YAML_ENDINGS)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > limits.FILE_BYTES:
            size = limits.FILE_BYTES // 1024
            raise _refused(path.name, f"the file is larger than {size} KiB", "Split it.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(path.name, "the file is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as problem:
        reason = problem.strerror or "unreadable"
        raise _refused(path.name, f"the file cannot be read: {reason}", "Mend it.") from None


def _refused(file: str, message: str, remedy: str) -> DefinitionsRefused:
    return DefinitionsRefused([Finding(file, 0, "", message, remedy)])
