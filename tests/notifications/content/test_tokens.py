import string
import uuid

from hypothesis import given
from hypothesis import strategies as st

from services.notifications.content.tokens import Tokens

TOKENS = Tokens(b"secret of this test")
MESSAGE = uuid.UUID(int=7)


def test_a_token_is_read_back_and_is_the_same_each_time() -> None:
    assert TOKENS.read(TOKENS.make(MESSAGE)) == MESSAGE
    assert TOKENS.make(MESSAGE) == TOKENS.make(MESSAGE)


def test_a_token_needs_no_quoting_in_an_address() -> None:
    assert set(TOKENS.make(MESSAGE)) <= set(string.ascii_letters + string.digits + "-_")


def test_after_a_change_of_secret_old_links_work_while_the_old_secret_is_known() -> None:
    old = TOKENS.make(MESSAGE)
    assert Tokens(b"a new secret", earlier=b"secret of this test").read(old) == MESSAGE
    assert Tokens(b"a new secret").read(old) is None


@given(st.integers(0, 42), st.sampled_from(string.ascii_letters + string.digits + "-_"))
def test_a_token_with_another_letter_is_refused(place: int, letter: str) -> None:
    token = TOKENS.make(MESSAGE)
    changed = token[:place] + letter + token[place + 1 :]
    assert changed == token or TOKENS.read(changed) is None


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    assert TOKENS.read(text) is None
