import pytest

from contracts.interactions import Consent
from services.connectors.domain import ConsentField, Delivery, FieldMap, Settings
from services.connectors.errors import Unreadable
from services.connectors.reading.charsets import codec, decode, decode_form
from services.connectors.reading.documents import dotted, flatten, read_json, read_object
from services.connectors.reading.fieldmap import mapped_touch
from services.connectors.reading.forms import Submission, multipart, read_submission, urlencoded
from tests.connectors.fixtures import AT


def delivery(body: bytes = b"", **headers: str) -> Delivery:
    return Delivery(
        "site", "form", body, AT, {name.replace("_", "-"): value for name, value in headers.items()}
    )


@pytest.mark.parametrize(
    ("name", "flat"),
    [
        ("a", "a"),
        ("a[]", "a"),
        ("a[b]", "a.b"),
        ("a[b][]", "a.b"),
        ("a[0][b]", "a.0.b"),
        ("a.b", "a.b"),
        ("]][[", ""),
        ("имя", "имя"),
    ],
)
def test_nested_names_have_one_spelling(name: str, flat: str) -> None:
    assert dotted(name) == flat


def test_utf_8_is_tried_before_windows_1251_over_the_whole_form() -> None:
    assert urlencoded(b"a=%D0%90&b=x") == {"a": ["А"], "b": ["x"]}
    assert urlencoded(b"a=%C0%ED%ED%E0&b=x") == {"a": ["Анна"], "b": ["x"]}
    assert urlencoded("имя=Анна".encode("windows-1251")) == {"имя": ["Анна"]}


def test_one_part_that_is_not_utf_8_makes_the_whole_form_windows_1251() -> None:
    assert decode_form([b"\xc0", b"abc"]) == ["А", "abc"]


def test_a_declared_charset_counts_when_it_is_not_utf_8() -> None:
    assert decode_form(["Анна".encode("koi8-r")], "koi8-r") == ["Анна"]
    assert decode("Анна".encode(), "koi8-r") == "Анна"


def test_labels_nobody_should_trust_are_not_handed_to_the_codec_registry() -> None:
    for label in ("rot13", "idna", "unicode_escape", "base64", "X-UNKNOWN", "", None, "../x"):
        assert codec(label) is None


def test_cyrillic_without_a_label_is_told_apart() -> None:
    text = "Здравствуйте, есть ли места?"
    assert decode(text.encode("koi8-r")) == text
    assert decode(text.encode("windows-1251")) == text


def test_numbers_in_json_stay_as_written() -> None:
    document = read_object(b'{"a": 9007199254740993, "b": 1.10, "c": 1e400, "d": -0}', exact=True)
    assert document == {"a": "9007199254740993", "b": "1.10", "c": "1e400", "d": "-0"}


def test_json_comes_in_any_unicode_encoding() -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"):
        assert read_json('{"a": "я"}'.encode(encoding)) == {"a": "я"}


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaN}', b"[" * 10_000, b"\xff\xfe", b'{"a":1}x'])
def test_what_is_not_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_json(body)


def test_json_is_flattened_to_dotted_names() -> None:
    flat = flatten({"a": {"b": ["1", "2"], "c": None}, "d": [{"e": "x"}, {"e": "y"}], "f": True, "g[h]": "z"})
    assert flat == {"a.b": ["1", "2"], "d.0.e": ["x"], "d.1.e": ["y"], "f": ["true"], "g.h": ["z"]}


def test_too_many_fields_are_unreadable() -> None:
    with pytest.raises(Unreadable):
        flatten({str(number): "x" for number in range(2000)})
    with pytest.raises(Unreadable):
        urlencoded(b"&".join(b"a%d=1" % number for number in range(2000)))


def test_a_file_with_a_path_in_its_name_is_listed_and_hashed() -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="cv"; filename="a.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n\x00\x01\r\n\r\n--x--\r\n"
    )
    [file] = multipart(body, b"x").files
    assert (file.name, file.content_type, file.size) == ("a.pdf", "application/pdf", 4)
    assert multipart(body, b"x").content() != multipart(body.replace(b"\x01", b"\x02"), b"x").content()


@pytest.mark.parametrize("boundary", [b"", b"y", b"x" * 300])
def test_a_multipart_body_with_another_boundary_is_unreadable(boundary: bytes) -> None:
    with pytest.raises(Unreadable):
        multipart(b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n', boundary)


def test_content_is_the_same_whatever_the_encoding_and_order_of_the_form() -> None:
    one = Submission(fields=urlencoded(b"a=1&b=%D0%AF"))
    two = Submission(fields=urlencoded(b"b=%DF&a=1+"))
    three = read_submission(delivery('{"b": "Я", "a": 1}'.encode(), content_type="application/json"))
    assert three is not None
    assert one.content() == two.content() == three.content()
    assert one.content(frozenset({"a"})) != one.content()


def test_text_plain_and_nothing_at_all_are_read_by_their_looks() -> None:
    for content_type in ("text/plain", ""):
        json = read_submission(delivery(b' {"a": 1}', content_type=content_type))
        assert json is not None
        assert json.fields == {"a": ["1"]}
    assert read_submission(delivery(b"a=1", content_type="text/plain")) is None
    assert read_submission(delivery(b"a=1")) == Submission(fields={"a": ["1"]})


def test_a_mapping_joins_names_and_lines_and_keeps_the_rest() -> None:
    settings = Settings(
        fields=FieldMap(
            {"name": ("first", "last"), "text": ("q1", "q2"), "identity.viber": ("v",), "course": ("c",)},
            {"ads": ConsentField("agree", "Yes, please"), "sms": ConsentField("agree2")},
        ),
        title="Site",
    )
    fields = {"first": ["Anna"], "last": ["Lee"], "q1": ["a"], "q2": ["b"], "v": ["7"], "c": ["B1"]}
    fields |= {"phone": [" 1 ", "2"], "agree": ["да"], "agree2": ["No"], "other": ["x", ""]}
    touch = mapped_touch(Submission(fields=fields), delivery(), settings, medium="form")
    assert touch.name == "Anna Lee"
    assert touch.text == "a\nb"
    assert [(one.kind, one.value) for one in touch.identities] == [
        ("phone", "1"),
        ("phone", "2"),
        ("viber", "7"),
    ]
    assert touch.consents == [Consent(purpose="ads", wording="Yes, please", given_at=AT)]
    assert touch.fields == {"course": ["B1"], "other": ["x", ""]}
    assert touch.title == "Site"


def test_a_mapped_id_takes_the_place_of_the_content() -> None:
    settings = Settings(fields=FieldMap({"id": ("lead_id",)}))
    touch = mapped_touch(
        Submission(fields={"lead_id": ["17"], "phone": ["1"]}), delivery(), settings, medium="form"
    )
    assert (touch.external_id, touch.content) == ("17", None)
    without = mapped_touch(Submission(fields={"phone": ["1"]}), delivery(), settings, medium="form")
    assert without.external_id is None
    assert without.content


@pytest.mark.parametrize(
    ("header", "language"),
    [("ru-RU,ru;q=0.9", "ru-RU"), ("en;q=0.5", "en"), ("*", None), ("", None), ("x" * 50, None)],
)
def test_the_browsers_language_is_the_senders(header: str, language: str | None) -> None:
    touch = mapped_touch(Submission(), delivery(accept_language=header), Settings(), medium="form")
    assert touch.language == language


def test_a_referrer_that_is_no_address_stays_as_it_is() -> None:
    touch = mapped_touch(Submission(), delivery(referer="http://[x"), Settings(), medium="form")
    assert touch.fields["referrer"] == "http://[x"
