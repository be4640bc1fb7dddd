from typing import Any

import pytest

from services.connectors.definitions import channel_of, compile, names, references
from services.runtime.definitions import DefinitionErrors

FORM: dict[str, Any] = {"kind": "form", "settings": {"origins": ["https://school.example"]}}
BOT: dict[str, Any] = {"kind": "telegram", "settings": {"secret": "${BOT_SECRET}"}}
DROPS: dict[str, Any] = {"kind": "folder", "settings": {"path": "leads/in"}}
MAIL: dict[str, Any] = {"kind": "smtp", "settings": {"addresses": ["info@school.example", "@leads.example"]}}


def mistakes(channels: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(DefinitionErrors) as caught:
        compile({"channels": channels}, {})
    return [(error.path, error.message, error.remedy) for error in caught.value.errors]


def test_nothing_is_a_set_without_channels() -> None:
    assert compile({}).channels == {}
    assert compile({"channels": {}}).channels == {}


def test_channels_are_found_by_name_address_and_partner() -> None:
    rules = compile(
        {"channels": {"site": FORM, "info": MAIL, "acme": {"kind": "nats", "settings": {"partner": "acme"}}}}
    )
    assert rules.channels["site"].inlet == "/in/site"
    assert rules.channels["acme"].inlet == "ingress.acme"
    assert rules.channels["info"].inlet == "info@school.example, @leads.example"
    assert rules.by_partner["acme"].name == "acme"
    for address in ("INFO@school.example", "info+ads@school.example", "anything@leads.example"):
        found = rules.for_recipient(address)
        assert found
        assert found.name == "info"
    for address in ("other@school.example", "leads.example", "x@y@z", ""):
        assert rules.for_recipient(address) is None


def test_secrets_come_from_where_they_are_told_and_are_never_shown() -> None:
    channel = channel_of("bot", BOT, {"BOT_SECRET": "hush-hush"})
    [secret] = channel.secrets["secret"]
    assert secret.get_secret_value() == "hush-hush"
    assert "hush" not in repr(channel)
    assert "secret" not in channel.settings.values


def test_a_secret_without_a_value_is_no_mistake_but_no_secret_either(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = channel_of("bot", BOT, {"BOT_SECRET": ""})
    assert closed.secrets["secret"] == ()
    assert closed.missing == ["secret"]
    monkeypatch.setenv("BOT_SECRET", "from the environment")
    [secret] = channel_of("bot", BOT).secrets["secret"]
    assert secret.get_secret_value() == "from the environment"


def test_what_only_one_transport_needs_is_not_asked_of_the_other() -> None:
    polled = {"kind": "telegram", "settings": {"receive": "poll", "token": "${TOKEN}"}}
    bot = channel_of("bot", polled, {"TOKEN": "t"})
    assert (bot.transport, bot.inlet, bot.missing) == ("poll", "poll", [])
    assert channel_of("bot", polled, {}).missing == ["token"]
    assert channel_of("bot", BOT, {"BOT_SECRET": "s"}).missing == []


@pytest.mark.parametrize(
    ("channels", "path", "message", "remedy"),
    [
        ({"x": {"kind": "telegramm"}}, "channels.x.kind", 'no kind "telegramm"', '"telegram"'),
        ({"x": {}}, "channels.x.kind", "required", "Add it"),
        ({"x": {**FORM, "setings": {}}}, "channels.x.setings", "no such field", "spelling"),
        ({"X y": FORM}, "channels.X y", "name", "a-z"),
        (
            {"x": {"kind": "form", "settings": {"honeypott": "a"}}},
            "channels.x.settings.honeypott",
            "no such",
            '"honeypot"',
        ),
        ({"x": {"kind": "telegram"}}, "channels.x.settings.secret", "missing", "Add secret"),
        (
            {"x": {"kind": "telegram", "settings": {"secret": "abc"}}},
            "channels.x.settings.secret",
            "must not",
            "${NAME}",
        ),
        (
            {"x": {"kind": "telegram", "settings": {"secret": "${A}", "start": "acept"}}},
            "channels.x.settings.start",
            "choices",
            '"accept"',
        ),
        ({"x": {"kind": "form", "settings": {"skip": 5}}}, "channels.x.settings.skip", "list", "line"),
        (
            {"x": {"kind": "form", "settings": {"origins": ["https://a.example/"]}}},
            "channels.x.settings.origins",
            "path",
            "https://",
        ),
        (
            {
                "x": {
                    "kind": "form",
                    "settings": {"origins": ["https://a.example"], "redirect": "https://b.example/x"},
                }
            },
            "channels.x.settings.redirect",
            "listed site",
            "origins",
        ),
        (
            {"x": {"kind": "form", "settings": {"redirect": "//evil.example"}}},
            "channels.x.settings.redirect",
            "listed",
            "",
        ),
        ({"x": {**BOT, "mapping": {"name": "a"}}}, "channels.x.mapping", "own fields", "Remove"),
        ({"x": {**FORM, "mapping": {"Name!": "a"}}}, "channels.x.mapping.Name!", "name", "phone"),
        ({"x": {**FORM, "mapping": {"name": []}}}, "channels.x.mapping.name", "no form field", ""),
        ({"x": {**FORM, "mapping": {"name": 5}}}, "channels.x.mapping.name", "valid", ""),
        ({"a": MAIL, "b": MAIL}, "channels.b.settings.addresses", "another channel", "once"),
        (
            {"a": {"kind": "smtp", "settings": {"addresses": ["nobody"]}}},
            "channels.a.settings.addresses",
            "no mail address",
            "Write",
        ),
        (
            {"a": {"kind": "nats", "settings": {"partner": "A b"}}},
            "channels.a.settings.partner",
            "partner",
            "a-z",
        ),
        ({"x": {**FORM, "consents": {"ads": {"fild": "a"}}}}, "channels.x.consents.ads", "", ""),
        (
            {"x": {"kind": "telegram", "settings": {"receive": "poll"}}},
            "channels.x.settings.token",
            "missing",
            "Add token",
        ),
        ({"a": DROPS, "b": DROPS}, "channels.b.settings.path", "another channel", "once"),
        *(
            (
                {"x": {"kind": "folder", "settings": {"path": path}}},
                "channels.x.settings.path",
                "below the root",
                "leads/in",
            )
            for path in ("/etc", "../up", "a/../b", "a/", "./a", "a//b", ".hidden")
        ),
        ([], "channels", "dictionary", ""),
    ],
)
def test_a_mistake_names_the_field_and_the_remedy(
    channels: Any, path: str, message: str, remedy: str
) -> None:
    found = mistakes(channels)
    assert any(at == path and message in told and remedy in what for at, told, what in found), found


def test_all_mistakes_are_told_together() -> None:
    found = mistakes({"a": {"kind": "nope"}, "b": {"kind": "telegram"}, "c": {**FORM, "mapping": {"N": ""}}})
    assert len(found) >= 3


def test_names_are_told_to_other_parts_even_when_they_are_wrong() -> None:
    assert names({"channels": {"a": 1}}) == {"channel": {"a"}}
    assert names({"channels": None}) == {"channel": set()}
    assert references({"channels": {"a": FORM}}) == []
