"""Values inside documents from outside, and the files that messengers tell of."""

import pytest

from services.connectors.reading.attached import attached
from services.connectors.reading.inside import rows_at, size_at, text_at, value_at

DOCUMENT = {"a": {"b": "text", "n": "12", "list": [{"x": "1"}, "no object", None]}, "yes": True}


def test_what_is_there_is_found() -> None:
    assert value_at(DOCUMENT, "yes") is True
    assert text_at(DOCUMENT, "a", "b") == "text"
    assert rows_at(DOCUMENT, "a", "list") == [{"x": "1"}]
    assert size_at(DOCUMENT, "a", "n") == 12


@pytest.mark.parametrize("document", [None, "text", 7, [], {}, {"a": None}, {"a": ["b"]}, {"a": {"b": {}}}])
def test_what_is_not_there_is_empty(document: object) -> None:
    assert text_at(document, "a", "b") == ""
    assert rows_at(document, "a", "b") == []
    assert size_at(document, "a", "b") == 0
    assert value_at(document, "a", "b", "c") is None


@pytest.mark.parametrize("given", ["", "-1", "1.5", "9" * 5000, "²", "٣", "x"])
def test_what_is_no_size_is_none(given: str) -> None:
    assert size_at({"size": given}, "size") == 0


def test_a_file_is_named_by_its_sort() -> None:
    [file] = attached("voice", "id-1", size=-3)
    assert (file.name, file.content_type, file.size, file.reference) == ("voice.ogg", "audio/ogg", 0, "id-1")
    [file] = attached("audio", "id-1", content_type="audio/ogg; codecs=opus")
    assert (file.name, file.content_type) == ("audio.ogg", "audio/ogg")
    [file] = attached("document", "id-1", name="plan.pdf")
    assert (file.name, file.content_type) == ("plan.pdf", "application/octet-stream")


def test_without_a_reference_there_is_no_file() -> None:
    assert attached("image", " ") == []
