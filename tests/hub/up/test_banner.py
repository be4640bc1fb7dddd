import shlex
from pathlib import Path
from typing import Any

from services.connectors.definitions import compile
from services.connectors.definitions.channel import Channel
from services.hub.definitions.folder import read_folder
from services.hub.definitions.load import load
from services.hub.settings import EXAMPLE
from services.hub.up.banner import Addresses, banner, curl

AT = Addresses("http://127.0.0.1:8080", "127.0.0.1:2525", "nats://127.0.0.1:4222", Path("var"), mailbox=True)


def channels(secrets: dict[str, str]) -> list[Channel]:
    data: dict[str, Any] = load(read_folder(EXAMPLE)).data
    return list(compile({"channels": data["channels"]}, secrets).channels.values())


def test_it_names_every_inlet_the_token_and_one_line_to_copy() -> None:
    text = banner(AT, "lw_token", channels({"TELEGRAM_SECRET": "s3cret"}), 3.14)
    assert "ready after 3.1 s" in text
    assert "lw_token" in text
    assert "http://127.0.0.1:8080/in/main-site" in text
    assert "hello@school.example at 127.0.0.1:2525" in text
    assert "ingress.courses-portal" in text
    assert "var/partners/courses-portal.nk" in text
    assert "s3cret" not in text
    assert "closed" not in text


def test_a_channel_without_its_secret_is_shown_as_closed() -> None:
    [line] = [line for line in banner(AT, "t", channels({}), 1).splitlines() if "sales-bot" in line]
    assert "closed" in line
    assert "definitions.env" in line


def test_the_line_to_copy_fills_in_the_form_with_its_own_names() -> None:
    [form] = [channel for channel in channels({}) if channel.kind.name == "form"]
    words = shlex.split(curl(AT.http, form))
    assert words[:2] == ["curl", "http://127.0.0.1:8080/in/main-site"]
    filled = dict(word.split("=", 1) for word in words[3::2])
    assert set(filled) == {"your-name", "tel", "your-email", "question"}


def test_without_channels_it_says_what_to_do() -> None:
    assert "leadwire apply" in banner(AT, "t", [], 1)
