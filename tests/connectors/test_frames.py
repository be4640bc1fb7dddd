"""Streams fall into the same frames wherever the network cuts them."""

import pytest

from services.connectors.errors import Unreadable
from services.connectors.reading.frames import frames_of, transcript

BLOCKS = (
    b"Asterisk Call Manager/5.0.2\r\nResponse: Success\r\nMessage: Authentication accepted\r\n\r\n"
    b"Event: Newchannel\r\nChannel: SIP/1\r\n\r\n"
)
ESL = (
    b"Content-Type: auth/request\n\nContent-Length: 11\nContent-Type: text/event-json\n\n"
    b'{"a": "\n"}\n\nContent-Length: 2\n\n{}'
)
PDUS = bytes.fromhex("00000010") + bytes(12) + bytes.fromhex("00000014") + bytes(8) + b"\0\0\0\1" + b"body"
STREAMS = {
    "blocks": (BLOCKS, 3),
    "esl": (ESL, 3),
    "lines": (b'{"a": 1}\n\r\n{"b": 2}\r\n', 2),
    "hex": (PDUS, 2),
}


@pytest.mark.parametrize("framing", list(STREAMS))
def test_a_stream_cut_anywhere_gives_the_same_frames(framing: str) -> None:
    stream, count = STREAMS[framing]
    whole = frames_of(framing).feed(stream)
    assert len(whole) == count
    for cut in range(len(stream)):
        frames = frames_of(framing)
        assert frames.feed(stream[:cut]) + frames.feed(stream[cut:]) == whole
    byte_by_byte = frames_of(framing)
    assert [frame for n in range(len(stream)) for frame in byte_by_byte.feed(stream[n : n + 1])] == whole


def test_a_recorded_stream_may_hold_remarks_and_end_early() -> None:
    assert transcript("blocks", b"# a remark\nEvent: A\nB: c\n\nEvent: D\n") == [
        b"Event: A\nB: c",
        b"Event: D",
    ]
    assert transcript("hex", b"# one\n0000 0010\n\n00") == [b"\0\0\0\x10", b"\0"]
    with pytest.raises(Unreadable):
        transcript("hex", b"zz")


def test_a_stream_that_is_out_of_step_is_told() -> None:
    with pytest.raises(Unreadable):
        frames_of("hex").feed(b"\xff" * 16)
    with pytest.raises(Unreadable):
        frames_of("lines").feed(b"x" * (5 * 1024 * 1024))
