"""Definitions by somebody who may write them and means no good."""

import time
from urllib.parse import quote

from tests.hostile.attack import Attack, Run, nothing_stored
from tests.hostile.target import Target, told

_DIFF = "/api/hub/definitions/diff"


def _folder(text: str, name: str = "channels.yaml") -> Run:
    """Compared, not applied; must be quick whatever it is."""

    async def run(target: Target) -> str:
        begun = time.perf_counter()
        answer = await target.api("POST", _DIFF, {"files": {name: text}})
        slow = ", slow" if time.perf_counter() - begun > 5 else ""
        findings = answer.json().get("findings", ()) if answer.status_code == 422 else ()
        named = " with remedy" if findings and all(one["remedy"] for one in findings) else ""
        return f"{told(answer)}{named}{slow}"

    return nothing_stored(run)


def _channel(name: str) -> Attack:
    text = f"channels:\n  {name}: {{kind: form}}\n"
    return Attack("definitions", f"a channel named {name}", "422 with remedy", _folder(text))


def _partner(name: str) -> Attack:
    text = f"channels:\n  p: {{kind: nats, settings: {{partner: {name}}}}}\n"
    return Attack("definitions", f"a partner named {name}", "422 with remedy", _folder(text))


def _preview(subject: str, text: str) -> Run:
    async def run(target: Target) -> str:
        begun = time.perf_counter()
        wanted = {"subject": subject, "text": text}
        answer = await target.api("POST", "/api/notifications/templates/preview", wanted)
        return f"{told(answer)}{', slow' if time.perf_counter() - begun > 5 else ''}"

    return run


async def _outside(target: Target) -> str:
    """The name of a file is a label in findings: nothing is read or written by it."""
    name = "../../planted-outside.yaml"
    answer = await _folder("channels: {}\n", name)(target)
    return f"{answer}, {len(list(target.hub.home.parent.rglob('planted-outside.yaml')))} files"


async def _trace(target: Target) -> str:
    return told(await target.api("GET", f"/api/hub/trace/{quote('../../tokens', safe='')}"))


_LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
_SECRET = "channels:\n  a: {kind: telegram, settings: {secret: in-clear}}\n"
_LOOP = "".join(f"{{% for {n} in (1..9999) %}}" for n in "abc") + "x" + "{% endfor %}" * 3

DEFINITIONS = [
    *map(_channel, ('"a.b"', '"a>"', '"*"', '" "', '"../x"', '"a\\0b"', '"a\\r\\nb"')),
    *map(_partner, ('"a.b"', '">"', '"*"', '" "', '"a/../b"', '""')),
    Attack("definitions", "aliases that grow to a billion", "422 with remedy", _folder(_LAUGHS)),
    Attack(
        "definitions",
        "a Python object",
        "422 with remedy",
        _folder("channels: !!python/object/apply:os.system ['id']\n"),
    ),
    Attack("definitions", "100,000 brackets", "422 with remedy", _folder("channels: " + "[" * 100_000)),
    Attack(
        "definitions",
        "NUL in a text",
        "422 with remedy",
        _folder('channels:\n  a: {kind: form, title: "a\0b"}\n'),
    ),
    Attack(
        "definitions",
        "a file outside the folder",
        "200, 0 files",
        _outside,
    ),
    Attack("definitions", "a secret in clear", "422 with remedy", _folder(_SECRET)),
    Attack(
        "definitions",
        "a redirect to a script",
        "422 with remedy",
        _folder('channels:\n  a: {kind: form, settings: {redirect: "javascript:alert(1)"}}\n'),
    ),
    Attack(
        "definitions",
        "a rule that calls what is not there",
        "422 with remedy",
        _folder("scoring:\n  - {name: a, points: 1, when: 'system(\"id\")'}\n", "contacts.yaml"),
    ),
    Attack("preview", "a loop of a trillion turns", "422 text", _preview("s", _LOOP)),
    Attack("preview", "a file of the server", "422 text", _preview("s", "{% include '/etc/passwd' %}")),
    Attack("preview", "the insides of Python", "422 text", _preview("s", "{{ contact.__class__.__mro__ }}")),
    Attack("path", "a trace of a path", "200", _trace),
]
