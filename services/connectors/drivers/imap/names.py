"""Folder names as IMAP spells them: modified UTF-7. Source: RFC 3501, section 5.1.3."""

import base64
import re

_PLAIN = re.compile(r"[ -~]+|[^ -~]+")


def encoded(name: str) -> str:
    """The spelling on the wire."""
    return "".join(
        run.replace("&", "&-") if run.isascii() and run.isprintable() else _shifted(run)
        for run in _PLAIN.findall(name)
    )


def _shifted(run: str) -> str:
    units = run.encode("utf-16-be", "surrogatepass")
    return "&" + base64.b64encode(units).rstrip(b"=").decode().replace("/", ",") + "-"


def quoted(text: str) -> bytes:
    """A quoted string. Raises ValueError when the text cannot stand in one."""
    if not text.isascii() or not text.isprintable():
        raise ValueError("only printable ASCII can be quoted")
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode() + b'"'


def mailbox(name: str) -> bytes:
    """A folder as the argument of a command."""
    return quoted(encoded(name))
