"""Getting in without a right: secrets, tokens, replays, enumeration."""

import json
import time
from functools import partial

from tests.hostile.attack import Attack, Run, nothing_stored
from tests.hostile.target import Target, told
from tests.support.wait import until

_SECRET = "X-Telegram-Bot-Api-Secret-Token"


def _update(number: int, text: str = "hello") -> bytes:
    person = {"id": 900_000 + number, "first_name": "Plantedfirst"}
    message = {"message_id": number, "date": 1767225600, "from": {**person, "is_bot": False}}
    return json.dumps(
        {"update_id": number, "message": {**message, "chat": {**person, "type": "private"}, "text": text}}
    ).encode()


def _bot(number: int, secret: str | None) -> Run:
    async def run(target: Target) -> str:
        headers = {"Content-Type": "application/json"} | ({} if secret is None else {_SECRET: secret})
        return told(await target.send("POST", "/in/sales-bot", _update(number), headers))

    return nothing_stored(run)


async def _replayed(target: Target) -> str:
    """The same delivery again and again, with its secret, as whoever recorded one could."""
    secret = {_SECRET: target.hub.secret("TELEGRAM_SECRET"), "Content-Type": "application/json"}
    answers = [await target.send("POST", "/in/sales-bot", _update(77), secret) for _ in range(5)]
    told_apart = {(answer.status_code, answer.content) for answer in answers}

    await _settled(target)
    [row] = await target.hub.rows(
        "SELECT count(*) FROM leads.interactions WHERE sender::text LIKE '%900077%'"
    )
    return f"{len(told_apart)} answer, {row[0]} interaction"


async def _settled(target: Target) -> None:
    """Wait until what came in has become contacts and leads."""
    for service in ("connectors", "leads"):
        await until(partial(target.has_read, service), 30, why=f"{service} to have read everything")
        await until(partial(target.has_told, service), 30, why=f"{service} to have told everything")


async def _replayed_form(target: Target) -> str:
    body = b"your-name=Plantedfirst&your-email=replayed%40hostile.test"
    answers = [await target.post_form(body) for _ in range(5)]
    await target.verdict(answers[0].json()["delivery"])
    await _settled(target)
    [row] = await target.hub.rows(
        "SELECT count(*) FROM leads.leads l JOIN leads.identities i USING (contact_id)"
        " WHERE i.value = 'replayed@hostile.test'"
    )
    return f"{len({answer.content for answer in answers})} answer, {row[0]} lead"


def _token(token: str | None, path: str = "/api/leads/leads") -> Run:
    async def run(target: Target) -> str:
        return told(await target.api("GET", path, token=token))

    return run


async def _guessing(target: Target) -> str:
    """From an address of its own; meanwhile a colleague behind the same proxy works on."""
    behind = {"X-Forwarded-For": "203.0.113.77"}
    guesses = []
    for number in range(15):
        guessed = {"Authorization": f"Bearer lw_guess{number:040}"}
        guesses.append(await target.send("GET", "/api/leads/leads", headers=behind | guessed))
    own = {"Authorization": f"Bearer {target.hub.token}"}
    colleague = await target.send("GET", "/api/leads/leads", headers=behind | own)
    last = guesses[-1]
    seen = sorted({answer.status_code for answer in guesses})
    wait = "with Retry-After" if int(last.headers.get("retry-after", 0)) > 0 else "without Retry-After"
    return f"{seen} {wait}, colleague {colleague.status_code}"


async def _new_viewer(target: Target) -> str:
    made = await target.api("POST", "/api/hub/tokens", {"name": "plantedviewer", "roles": ["viewer"]})
    return str(made.json()["token"])


async def _above_ones_role(target: Target) -> str:
    viewer = await _new_viewer(target)
    wanted = {"name": "more", "roles": ["admin"]}
    tried = [
        await target.api("POST", "/api/hub/tokens", wanted, token=viewer),
        await target.api("GET", "/api/hub/mailbox", token=viewer),
        await target.api("GET", "/api/leads/leads", token=viewer),
        await target.api(
            "POST", "/api/leads/readers/CRM_CONNECTORS/skip", {"to": 0, "reason": "x"}, token=viewer
        ),
    ]
    return str(sorted({answer.status_code for answer in tried}))


async def _known_and_unknown(target: Target) -> str:
    """Without a token nobody learns whether a contact exists."""
    rows = await target.hub.rows("SELECT id FROM leads.contacts LIMIT 1")
    real = await target.api("GET", f"/api/leads/contacts/{rows[0]['id']}", token=None)
    made_up = await target.api("GET", "/api/leads/contacts/f6a4a2b8-1f0c-5b1a-9a57-2b8a4f5f9d02", token=None)
    return (
        "the same"
        if (real.status_code, real.content) == (made_up.status_code, made_up.content)
        else "differs"
    )


async def _timing(target: Target) -> str:
    """A secret that is right at the start takes no longer than one that is wrong at once.

    The quickest of many tries: what else the machine does only ever adds to it.
    """
    right = target.hub.secret("TELEGRAM_SECRET")
    guesses = {"none": "x" * len(right), "most": right[:-1] + "!"}
    took: dict[str, list[float]] = {name: [] for name in guesses}
    for _ in range(100):
        for name, guess in guesses.items():
            begun = time.perf_counter()
            await target.send("POST", "/in/sales-bot", b"{}", {_SECRET: guess})
            took[name].append(time.perf_counter() - begun)
    apart = abs(min(took["most"]) - min(took["none"]))
    return "the same" if apart < 0.0005 else f"{apart * 1000:.2f} ms apart"


ACCESS = [
    Attack("secret", "a wrong secret", "403.*", _bot(1, "wrong")),
    Attack("secret", "no secret", "401.*", _bot(2, None)),
    Attack("secret", "an empty secret", "401.*", _bot(3, "")),
    Attack("secret", "a secret that is not ASCII", "403.*", _bot(4, "\xff\xe9")),
    Attack("secret", "a secret of 50,000 characters", "403.*", _bot(5, "a" * 50_000)),
    Attack("secret", "guessing by the clock", "the same", _timing),
    Attack("replay", "a webhook five times", "1 answer, 1 interaction", _replayed),
    Attack("replay", "a form five times", "1 answer, 1 lead", _replayed_form),
    Attack("token", "none", "401", _token(None)),
    Attack("token", "an unknown one", "401", _token("lw_" + "a" * 43)),
    Attack("token", "one with a line break in it", "401", _token("lw_a b")),
    Attack("token", "one of 50,000 characters", "401", _token("lw_" + "a" * 50_000)),
    Attack("token", "guessing", r"\[401, 429\] with Retry-After, colleague 200", _guessing),
    Attack("token", "a viewer who wants more", r"\[403\]", _above_ones_role),
    Attack(
        "token",
        "a forged unsubscribe link",
        "404 page",
        _token(None, "/api/notifications/unsubscribe/AAAA.BBBB"),
    ),
    Attack(
        "enumeration",
        "a channel that is not there",
        "404 path",
        nothing_stored(_token(None, "/in/no-such-channel")),
    ),
    Attack("enumeration", "contacts by their id", "the same", _known_and_unknown),
]
