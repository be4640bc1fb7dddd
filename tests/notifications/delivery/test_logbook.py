"""Notes on disk: what a process that is gone says of its letters, and what is made of notes that lie."""

import os
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.notifications.delivery.legacies import left_behind, read_notes
from services.notifications.delivery.logbook import CannotNote, Logbook
from services.notifications.domain.legacy import Legacy
from services.notifications.domain.settlement import Attempt, Result
from tests.notifications.samples import NOW

OPEN, DONE, NEVER, OTHER = (UUID(int=number) for number in (1, 2, 3, 4))
BOOT = "this run of the machine"


def attempt(id: UUID, result: Result = "sent", number: int = 1) -> Attempt:
    return Attempt(id, number, result, "250 at DOT", NOW)


def written(folder: Path) -> Logbook:
    """One letter whose end was under way, one that was answered, one that was claimed and no more."""
    book = Logbook(folder, uuid4(), BOOT)
    book.begin()
    book.claiming([(OPEN, 1), (DONE, 1), (NEVER, 1)])
    book.about_to_end(OPEN, 1)
    book.about_to_end(DONE, 1)
    book.over(attempt(DONE))
    return book


def killed(book: Logbook) -> None:
    """Nothing is tidied; the lock goes with the process."""
    book._release()


def legacy_of(folder: Path, boot: str = BOOT) -> Legacy:
    [left] = left_behind(folder, boot)
    with left.opened() as legacy:
        assert legacy is not None
        return legacy


def verdicts(legacy: Legacy, number: int = 1) -> list[str | None]:
    found = [legacy.verdict(id, number, NOW) for id in (OPEN, DONE, NEVER)]
    return [one.result if one else None for one in found]


def test_a_process_that_is_gone_tells_what_was_open_what_was_answered_and_what_never_left(
    tmp_path: Path,
) -> None:
    killed(written(tmp_path))
    legacy = legacy_of(tmp_path)
    assert verdicts(legacy) == ["unknown", "sent", "untried"]
    assert list(legacy.outcomes()) == [attempt(DONE)]


def test_what_was_noted_of_an_earlier_attempt_says_nothing_of_a_later_one(tmp_path: Path) -> None:
    killed(written(tmp_path))
    assert verdicts(legacy_of(tmp_path), number=2) == [None, None, None]


def test_of_a_letter_that_is_not_named_nothing_is_known(tmp_path: Path) -> None:
    killed(written(tmp_path))
    assert legacy_of(tmp_path).verdict(OTHER, 1, NOW) is None, "the database may have been restored"


@pytest.mark.parametrize("boot", ["another run", ""])
def test_after_a_restart_of_the_machine_only_what_was_written_counts(tmp_path: Path, boot: str) -> None:
    killed(written(tmp_path))
    assert verdicts(legacy_of(tmp_path, boot)) == [None, "sent", None]


def test_the_notes_of_the_living_are_left_alone(tmp_path: Path) -> None:
    book = written(tmp_path)
    [left] = left_behind(tmp_path, BOOT)
    with left.opened() as legacy:
        assert legacy is None
    killed(book)
    assert verdicts(legacy_of(tmp_path)) == ["unknown", "sent", "untried"]


def test_two_heirs_read_the_same(tmp_path: Path) -> None:
    killed(written(tmp_path))
    [one], [other] = left_behind(tmp_path, BOOT), left_behind(tmp_path, BOOT)
    with one.opened() as first, other.opened() as second:
        assert first is not None
        assert first == second
        one.settled(60)
        other.settled(60)
    assert legacy_of(tmp_path) == first


def test_a_line_cut_short_was_never_written(tmp_path: Path) -> None:
    book = written(tmp_path)
    killed(book)
    content = book.path.read_bytes()
    legacy = read_notes(content[:-5], BOOT)
    assert legacy is not None
    assert verdicts(legacy) == ["unknown", "unknown", "untried"]


@pytest.mark.parametrize("content", [b"", b"nonsense\n", b'{"owner":"x","boot":""}\n', b"[]\n"])
def test_a_file_that_is_not_ours_says_nothing(content: bytes) -> None:
    assert read_notes(content, BOOT) is None


def test_notes_that_are_damaged_are_not_whole(tmp_path: Path) -> None:
    book = written(tmp_path)
    killed(book)
    damaged = book.path.read_bytes().replace(b",1]\n", b",\n", 1)
    legacy = read_notes(damaged, BOOT)
    assert legacy is not None
    assert verdicts(legacy) == [None, "sent", None]


def test_notes_are_kept_until_nothing_of_their_writer_can_be_on_its_way(tmp_path: Path) -> None:
    killed(written(tmp_path))
    for keep, files in ((60.0, 1), (60.0, 1), (-1.0, 0)):
        for left in left_behind(tmp_path, BOOT):
            with left.opened():
                left.settled(keep)
        assert len(list(tmp_path.iterdir())) == files


def test_a_process_that_ends_in_order_leaves_no_notes(tmp_path: Path) -> None:
    book = written(tmp_path)
    book.written([attempt(OPEN), attempt(DONE), attempt(NEVER)], left=0)
    book.end(left=0)
    assert list(tmp_path.iterdir()) == []


def test_one_that_had_to_give_up_leaves_them_to_others(tmp_path: Path) -> None:
    book = written(tmp_path)
    book.written([attempt(DONE), attempt(NEVER)], left=1)
    book.end(left=1)
    assert verdicts(legacy_of(tmp_path))[0] == "unknown"


def test_notes_do_not_grow_for_ever(tmp_path: Path) -> None:
    book = written(tmp_path)
    for number in range(10, 3000):
        book.claiming([(UUID(int=number), 1)])
        book.about_to_end(UUID(int=number), 1)
        book.over(attempt(UUID(int=number)))
        book.written([attempt(UUID(int=number))], left=1)
    assert book.path.stat().st_size < 300_000
    killed(book)
    assert verdicts(legacy_of(tmp_path)) == ["unknown", "sent", "untried"]


def test_a_letter_claimed_anew_stays_noted_when_its_last_attempt_is_written(tmp_path: Path) -> None:
    book = written(tmp_path)
    book.claiming([(DONE, 2)])
    book.written([attempt(OPEN), attempt(DONE), attempt(NEVER)], left=1)
    book.begin()
    killed(book)
    assert verdicts(legacy_of(tmp_path), number=2) == [None, "untried", None]


def test_a_full_disk_takes_the_notes_away_and_they_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = written(tmp_path)
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda _file, line: len(line) // 2)
        book.about_to_end(NEVER, 1)
        assert list(tmp_path.iterdir()) == [], "half of the notes would lie"
        book.written([attempt(DONE), attempt(OPEN)], left=1)
        assert list(tmp_path.iterdir()) == [], "there is one that they would not name"
    book.written([attempt(NEVER)], left=0)
    book.claiming([(OPEN, 2), (DONE, 2)])
    book.about_to_end(OPEN, 2)
    killed(book)
    assert verdicts(legacy_of(tmp_path), number=2) == ["unknown", "untried", None]


def test_notes_that_can_neither_be_written_nor_removed_forbid_the_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = written(tmp_path)

    def stuck(_path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "write", lambda _file, line: len(line) // 2)
    monkeypatch.setattr(Path, "unlink", stuck)
    with pytest.raises(CannotNote):
        book.about_to_end(NEVER, 1)
    book.over(attempt(OPEN))


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    book = Logbook(tmp_path / "file" / "folder", uuid4(), BOOT)
    book.begin()
    book.about_to_end(OPEN, 1)
    book.over(attempt(OPEN))
    book.written([attempt(OPEN)], left=0)
    book.end(left=0)
