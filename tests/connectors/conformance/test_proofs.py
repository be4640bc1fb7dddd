"""A delivery that does not prove itself is not let in, whatever of it was altered."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import pytest

from services.connectors.catalog.kinds import Kind
from services.connectors.definitions.channel import Channel
from services.connectors.domain import Settings
from services.connectors.errors import Refused
from services.connectors.inlets.gate import admit, delivery_of
from services.connectors.kit.maturity import proves_itself
from services.connectors.kit.recorded import Fixture
from services.connectors.verify import Presented, place_of, time_of, verify
from tests.connectors.conformance.judge import KINDS, RECORDED

PROVED = [kind for kind in KINDS if kind.manifest.verification.scheme != "none"]
WHOLE_BODY = {"standard_webhooks", "twilio"}
DECODED = ("standard_webhooks", "ecdsa")
MOST_BYTES = 150
proved = pytest.mark.parametrize("kind", PROVED, ids=lambda kind: f"{kind.name}-")


def genuine(kind: Kind) -> list[tuple[Fixture, Presented]]:
    """Recorded requests that prove themselves."""
    found = [one for one in RECORDED[kind.name] if proves_itself(one)]
    if kind.manifest.transport != "webhook":
        pytest.skip("it does not come by HTTP")
    assert found, "record a .http that holds the secret, or a signature made with it"
    return [(one, one.presented()) for one in found]


def refused(channel: Channel, request: Presented) -> bool:
    """Whether the scheme does not hold."""
    try:
        verify(channel.kind.manifest.verification, request, channel.held)
    except Refused as refusal:
        status, reason = refusal.status, refusal.reason
    else:
        return False
    assert status in (401, 403)
    assert reason
    for live in channel.secrets.values():
        assert not any(one.get_secret_value() in reason for one in live), "it tells the secret"
    return True


def without(request: Presented, place: str) -> Presented:
    """The request with nothing at that place; only for headers and queries."""
    where, _, name = place.partition(":")
    if where == "header":
        kept = {key: value for key, value in request.headers.items() if key != name}
        return fresh(request, headers=kept)
    if where == "query":
        pairs = [pair for pair in parse_qsl(request.query, keep_blank_values=True) if pair[0] != name]
        return fresh(request, query=urlencode(pairs))
    return fresh(request, path="") if where == "path" else fresh(request, body=b"")


def fresh(request: Presented, **changed: object) -> Presented:
    """Another request: nothing of what was looked up is kept."""
    return replace(request, **changed)  # type: ignore[arg-type]


def altered(request: Presented, place: str) -> list[Presented]:
    """The request with each character at that place made another."""
    where, _, name = place.partition(":")
    value = request.value(place) or ""
    # Case does not count in hexadecimal; of an address only the first part is the secret.
    end = len(value.partition("/")[0]) if where == "path" else len(value)
    spelled = [value[:n] + ("b" if value[n] in "aA" else "a") + value[n + 1 :] for n in range(end)]
    if where == "header":
        return [fresh(request, headers={**request.headers, name: one}) for one in spelled]
    if where == "query":
        pairs = dict(parse_qsl(request.query, keep_blank_values=True))
        return [fresh(request, query=urlencode({**pairs, name: one})) for one in spelled]
    return [fresh(request, path=one) for one in spelled] if where == "path" else []


@proved
def test_without_its_proof_it_is_refused(kind: Kind) -> None:
    proof = kind.manifest.verification
    for recording, request in genuine(kind)[:3]:
        assert refused(recording.channel, without(request, place_of(proof)))
        let_in = [not refused(recording.channel, one) for one in altered(request, place_of(proof))]
        # Where the signature is decoded before it is compared, its last characters have spare bits.
        assert sum(let_in) <= (3 if proof.scheme in DECODED else 0)


@proved
def test_every_altered_byte_of_what_is_signed_is_refused(kind: Kind) -> None:
    proof = kind.manifest.verification
    signs_body = proof.scheme in WHOLE_BODY or (
        proof.scheme in ("hmac", "digest", "ecdsa") and "{body}" in proof.signs
    )
    if not signs_body:
        return
    for recording, request in genuine(kind)[:3]:
        body = request.body
        if not body:
            continue
        for n in range(0, len(body), max(1, -(-len(body) // MOST_BYTES))):
            changed = body[:n] + bytes([body[n] ^ 1]) + body[n + 1 :]
            assert refused(recording.channel, fresh(request, body=changed)), f"byte {n}"
        assert refused(recording.channel, fresh(request, body=body + b" "))


@proved
def test_an_old_delivery_cannot_be_handed_over_again(kind: Kind) -> None:
    proof = kind.manifest.verification
    if not time_of(proof):
        return
    for recording, request in genuine(kind)[:3]:
        for away in (timedelta(seconds=2 * proof.tolerance + 1), -timedelta(seconds=2 * proof.tolerance + 1)):
            assert refused(recording.channel, fresh(request, at=request.at + away))


@proved
def test_secrets_that_are_not_set_or_changed(kind: Kind) -> None:
    proof = kind.manifest.verification
    for recording, request in genuine(kind)[:1]:
        channel = recording.channel
        live = channel.secrets[proof.secret]
        other = tuple(type(one)("x" * 32) for one in live[:1])
        unset = replace(channel, secrets={**channel.secrets, proof.secret: ()})
        assert refused(unset, request)
        rotated = replace(channel, secrets={**channel.secrets, proof.secret: (*other, *live)})
        if proof.scheme != "ecdsa":
            assert refused(replace(channel, secrets={**channel.secrets, proof.secret: other}), request)
            assert not refused(rotated, request)


@proved
def test_an_address_that_is_not_allowed_is_refused(kind: Kind) -> None:
    proof = kind.manifest.verification
    if not proof.networks:
        return
    for recording, request in genuine(kind)[:1]:
        values = {**recording.channel.settings.values, proof.networks: ["192.0.2.0/24", "2001:db8::/32"]}
        settings = Settings(values, recording.channel.settings.fields, recording.channel.settings.title)
        channel = replace(recording.channel, settings=settings)
        assert refused(channel, fresh(request, peer="198.51.100.1"))
        assert refused(channel, fresh(request, peer=None))
        assert not refused(channel, fresh(request, peer="192.0.2.9"))
        assert not refused(channel, fresh(request, peer="::ffff:192.0.2.9"))


@proved
def test_a_secret_is_not_kept_with_the_delivery(kind: Kind) -> None:
    proof = kind.manifest.verification
    in_body = proof.scheme == "shared_secret" and proof.at.startswith("field:")
    for recording, request in genuine(kind)[:3]:
        admit(recording.channel, request)
        delivery = delivery_of(recording.channel, request)
        kept = " ".join((delivery.path, delivery.query, *delivery.headers.values()))
        kept += delivery.body.decode("utf-8", "replace") if in_body else ""
        for live in recording.channel.secrets.values():
            assert not any(one.get_secret_value() in kept for one in live)
