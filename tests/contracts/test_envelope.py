"""The envelope survives the wire, and refuses what is not an event."""

import json
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.envelope import CONTENT_TYPE, KEY_HEADER, Envelope, decode

names = st.text(min_size=1, max_size=80)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
envelopes = st.builds(
    Envelope,
    id=names,
    source=names,
    type=names,
    subject=st.none() | names,
    time=st.none() | st.datetimes(timezones=zones | st.just(UTC)),
    dataschema=st.none() | names,
    data=st.dictionaries(st.text(), values, max_size=6),
    entityversion=st.none() | st.integers(),
    correlationid=st.none() | names,
    causationid=st.none() | names,
    traceparent=st.none() | names,
    revision=st.none() | st.integers(),
)


@given(envelopes)
def test_what_is_encoded_is_decoded_unchanged(envelope: Envelope) -> None:
    assert decode(envelope.encode()) == envelope


@given(envelopes)
def test_an_encoded_event_names_what_cloudevents_requires(envelope: Envelope) -> None:
    body = json.loads(envelope.encode())
    assert body["specversion"] == "1.0"
    assert {"id", "source", "type"} <= body.keys()
    assert None not in [value for name, value in body.items() if name != "data"]


@given(envelopes, names)
def test_headers_mirror_the_event(envelope: Envelope, key: str) -> None:
    headers = envelope.headers(key)
    assert headers["Nats-Msg-Id"] == headers["ce-id"] == envelope.id
    assert headers["ce-type"] == envelope.type
    assert headers["Content-Type"] == CONTENT_TYPE
    assert headers[KEY_HEADER] == key
    assert headers.get("traceparent") == envelope.traceparent


@given(envelopes, st.dictionaries(st.sampled_from(["partnerext", "sequence"]), values, min_size=1))
def test_unknown_attributes_of_a_newer_sender_are_passed_over(
    envelope: Envelope, extra: dict[str, object]
) -> None:
    assert decode(json.dumps(json.loads(envelope.encode()) | extra).encode()) == envelope


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"id": "1", "source": "/x"}',
        b'{"id": "", "source": "/x", "type": "t"}',
        b'{"id": "1", "source": "/x", "type": "t", "specversion": "0.3"}',
        b'{"id": "1", "source": "/x", "type": "t", "data": "text"}',
        b'{"id": "1", "source": "/x", "type": "t", "time": "yesterday"}',
        b'{"id": "1", "source": "\xff", "type": "t"}',
    ],
)
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(ValidationError):
        decode(body)
