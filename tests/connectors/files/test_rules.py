"""Names, pauses, types: the rules of files that need nothing but themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.connectors.domain.file import Patience, Standing, after_failure, safe_name
from services.connectors.files.sniffing import content_type_of, may_be_shown, named

NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
ODT = "application/vnd.oasis.opendocument.text"
PATIENCE = Patience(timedelta(seconds=30), timedelta(hours=6), timedelta(days=3))


def failed(**given: Any) -> Standing:
    told: dict[str, Any] = {"now": NOW, "since": NOW, "attempts": 1, "missing": False, "lot": 1.0}
    told |= {"missing_since": None, "not_before": None}
    return after_failure(PATIENCE, **{**told, **given})


def pause(**given: Any) -> float:
    due = failed(**given).due_at
    assert due
    return (due - NOW).total_seconds()


def test_pauses_double_up_to_the_longest() -> None:
    assert [pause(attempts=n) for n in (1, 2, 3, 8, 10, 11, 99)] == [30, 60, 120, 3840, 15360, 21600, 21600]
    assert pause(lot=0.0) == 15
    assert pause(not_before=timedelta(minutes=5)) == 300
    assert pause(not_before=timedelta(days=30)) == 21600


def test_after_its_time_a_file_is_given_up() -> None:
    assert failed(since=NOW - timedelta(days=3)).why == "too_long"
    assert failed(since=NOW - timedelta(days=2, hours=20), attempts=20).why == "too_long"
    assert failed(since=NOW - timedelta(days=2), attempts=20).why is None


def test_missing_twice_an_hour_apart_is_gone() -> None:
    first = failed(missing=True, attempts=20)
    assert first.missing_since == NOW
    assert first.due_at == NOW + timedelta(hours=1)
    soon = failed(missing=True, missing_since=NOW - timedelta(minutes=59), attempts=20)
    assert soon.due_at == NOW + timedelta(minutes=1)
    assert failed(missing=True, missing_since=NOW - timedelta(hours=1)).why == "gone"
    assert failed(missing_since=NOW - timedelta(hours=1)).missing_since is None


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("report.pdf", "report.pdf"), ("../../etc/passwd", "passwd"), ("C:\\x\\a.doc", "a.doc"),
        ("a\u202egpj.exe", "agpj.exe"), ("a\r\nSet-Cookie: x.txt", "aSet-Cookie_ x.txt"), ("...", "file"),
        ("", "file"), (".htaccess", "htaccess"), ('a"b<c>.txt', "a_b_c_.txt"), ("x\u200b.png ", "x.png"),
        ("\ud83d.png", "png"), ("Прайс лист.pdf", "Прайс лист.pdf"), ("a.", "a"),
    ],
)  # fmt: skip
def test_names_hide_nothing(given: str, name: str) -> None:
    assert safe_name(given) == name


def test_long_names_keep_their_ending() -> None:
    assert safe_name("я" * 500 + ".docx") == "я" * 145 + ".docx"
    assert len(safe_name("x" * 500)) == len(safe_name("x." + "y" * 500)) == 150


@pytest.mark.parametrize(
    ("head", "claimed", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 30, None, "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "text/html", "image/jpeg"),
        (b"GIF89a\x01\x00\x01\x00\x80", None, "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", None, "image/webp"),
        (b"RIFF\x24\0\0\0WAVEfmt ", None, "audio/wave"),
        (b"OggS\0\2" + b"\0" * 30, None, "audio/ogg"),
        (b"ID3\x03\0\0\0\0\0\x0a\xff\xfb\x90", None, "audio/mpeg"),
        (b"\xff\xfb\x90\x64\0\0\0\0", None, "audio/mpeg"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", None, "video/mp4"),
        (b"%PDF-1.7\n%\xe2\xe3", None, "application/pdf"),
        (b"%PDF-1.4 plain", None, "application/pdf"),
        (b"<!DOCTYPE html><script>", "image/png", "text/html"),
        (b"\xef\xbb\xbf \n<SCRIPT>", "image/png", "text/html"),
        (b"<?xml version='1.0'?><svg onload='x'>", "image/png", "image/svg+xml"),
        (b"MZ\x90\0\3\0\0\0", "image/png", "application/x-executable"),
        (b"\x7fELF\x02\x01\x01\0", None, "application/x-executable"),
        (b"PK\x03\x04\x14\0", ODT, ODT),
        (b"PK\x03\x04\x14\0", "image/png", "application/zip"),
        (b"BM hello there", None, "text/plain"),
        ("Привет".encode()[:-1], None, "text/plain"),
        (b"\x00\x01\x02\x03", "audio/mpeg", "application/octet-stream"),
        (b"", "audio/mpeg", "application/octet-stream"),
    ],
)  # fmt: skip
def test_a_file_is_what_its_bytes_show(head: bytes, claimed: str | None, kind: str) -> None:
    assert content_type_of(head, claimed) == kind


def test_only_pictures_sound_and_film_are_shown_in_place() -> None:
    assert all(map(may_be_shown, ("image/png", "audio/mpeg", "video/mp4", "image/webp")))
    dangerous = ("text/html", "image/svg+xml", "application/pdf", "text/plain", "application/xhtml+xml", "")
    assert not any(map(may_be_shown, dangerous))


def test_a_name_without_an_ending_gets_that_of_its_type() -> None:
    told = [named("recording", kind) for kind in ("audio/mpeg", "audio/wave", "application/octet-stream")]
    assert told == ["recording.mp3", "recording.wav", "recording"]
    assert named("a.txt", "audio/mpeg") == "a.txt"
