"""What single vendors want of a request beside what all do."""

from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

from services.connectors.catalog.kinds import catalogue
from services.connectors.domain.exchange import Request
from services.connectors.domain.sending import Outgoing, Secrets
from services.connectors.domain.settings import Settings


def asked(kind: str, text: str, known_as: str, **settings: Any) -> Request:
    given = Settings({"api_url": "https://vendor.example", **settings})
    return catalogue()[kind].dialect.request(Outgoing(known_as, "7001", text), given, Secrets({"token": "t"}))


def random_id(known_as: UUID) -> int:
    body = asked("vk", "hello", str(known_as), api_version="5.199").body
    return int(dict(parse_qsl(body.decode("ascii")))["random_id"])


def test_vk_knows_a_message_by_a_number_of_32_bits() -> None:
    ids = [uuid4() for _ in range(500)]
    found = [random_id(one) for one in ids]
    assert all(-(2**31) <= number < 2**31 and number for number in found)
    assert any(number < 0 for number in found)
    assert any(number > 2**30 for number in found)
    assert len(set(found)) == len(found)
    assert [random_id(one) for one in ids] == found


def test_the_longest_text_in_any_script_fits_into_what_viber_takes() -> None:
    longest = catalogue()["viber"].manifest.sending
    assert longest
    for sign in ("a", "я", "漢", "😀"):
        request = asked("viber", sign * longest.longest, str(uuid4()), sender_name="я" * 28)
        assert len(request.body) < 30_000
