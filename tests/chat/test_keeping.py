"""What is kept of conversations: sessions, the audit, and copies for undo."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from luci.chat import audit, keys
from luci.chat.export import markdown
from luci.chat.messages import Message, ToolCall
from luci.chat.sessions import Sessions
from luci.chat.undo import UndoRequest, taken_back
from luci.errors import ConfigError, LuciError, Refused, UsageError


@pytest.fixture
def kept(luci_home: Path) -> Iterator[Sessions]:
    sessions = Sessions()
    yield sessions
    sessions.close()


def say(kept: Sessions, session: str, role: str, text: str, **more: object) -> int:
    return kept.add(session, "message", Message(role, text, **more).as_dict())  # type: ignore[arg-type]


def test_what_was_said_is_found_by_its_words_and_told_as_markdown(kept: Sessions, tmp_path: Path) -> None:
    first, second = kept.begin(tmp_path), kept.begin(tmp_path)
    say(kept, first, "user", "Plot the moon\nphases")
    say(kept, first, "assistant", "Here is *the* plot.")
    kept.add(first, "leave", {"title": "Write moon.py?", "yes": False, "by": "you"})
    kept.add(first, "change", {"path": "moon.py", "diff": "+```evil```"})
    say(kept, second, "user", "Something else")
    ((session, entry, piece),) = kept.search('moon "phases')
    assert (session.id, entry.number, piece) == (first, 1, "Plot the [moon]\n[phases]")
    assert [s.title for s in kept.all()] == ["Something else", "Plot the moon"]
    text = markdown(kept.find(first[:-1]), kept.entries(first))
    assert text.startswith("# Plot the moon\n") and "- refused by you: Write moon.py?" in text
    assert "````diff\n+```evil```\n````" in text


def test_a_session_that_broke_off_can_go_on(kept: Sessions, tmp_path: Path) -> None:
    session = kept.begin(tmp_path)
    say(kept, session, "user", "Go.")
    say(kept, session, "assistant", "", calls=(ToolCall("1", "run", "{}"), ToolCall("2", "run", "{}")))
    say(kept, session, "tool", "done", call_id="1")
    told = [(m.role, m.call_id, m.text) for m in kept.messages(session)[2:]]
    assert sorted(told) == [("tool", "1", "done"), ("tool", "2", "It is not known what came of this: luci ended.")]


def test_a_fork_has_the_beginning_and_a_deleted_session_leaves_nothing(kept: Sessions, tmp_path: Path) -> None:
    session = kept.begin(tmp_path)
    for text in ("one", "two", "three"):
        say(kept, session, "user", text)
    kept.changed(session, tmp_path / "a.py", None, "secret = 1")
    fork = kept.fork(kept.find(session), 2)
    kept.delete(session)
    assert [m.text for m in kept.messages(fork)] == ["one", "two"]
    assert not kept.search("three") and not kept.changes(undone=False)
    with pytest.raises(UsageError):
        kept.find(session)
    assert not list((kept.file.parent / "undo").iterdir())


def test_a_database_of_another_luci_or_of_nobody_is_left_alone(luci_home: Path) -> None:
    file = luci_home / "state" / "sessions.sqlite3"
    file.parent.mkdir(parents=True)
    with sqlite3.connect(file) as made:
        made.execute("pragma user_version=99")
    with pytest.raises(LuciError, match="format 99"):
        Sessions()
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(LuciError, match="cannot be opened"):
        Sessions()
    assert file.read_bytes().startswith(b"no database")


def test_a_change_is_taken_back_and_made_again_and_what_a_person_changed_stays(
    kept: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file, session = tmp_path / "a.py", kept.begin(tmp_path)
    for before, after in ((None, "1\n"), ("1\n", "2\n")):
        kept.changed(session, file, before, after)
    file.write_text("2\n")

    def back(again: bool = False) -> str:
        return taken_back(UndoRequest(again), kept, tmp_path, lambda question: True)

    back()
    assert file.read_text() == "1\n"
    back()
    assert not file.exists()
    back(again=True)
    back(again=True)
    assert file.read_text() == "2\n"
    file.write_text("mine\n")
    with pytest.raises(Refused, match="changed since"):
        back()
    assert file.read_text() == "mine\n"
    with pytest.raises(UsageError, match="nothing to redo"):
        back(again=True)
    with pytest.raises(Refused):
        file.write_text("2\n")
        taken_back(UndoRequest(), kept, tmp_path, lambda question: False)
    for path in (kept.file, *(kept.file.parent / "undo").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def lines() -> list[bytes]:
    return audit.file().read_bytes().splitlines(keepends=True)


def test_an_altered_a_missing_and_an_added_entry_are_found(luci_home: Path) -> None:
    digests = [audit.add("leave", {"title": f"Step {n}?", "yes": True}) for n in range(4)]
    assert audit.faults() == [] and audit.head().digest == digests[-1] and audit.head().entries == 4
    whole = lines()
    for spoilt, words in (
        ([whole[0], whole[1].replace(b"true", b"false"), *whole[2:]], "entry 2 (line 2) was altered"),
        ([whole[0], *whole[2:]], "before entry 3 (line 2)"),
        ([*whole[:2], b"gone mad\n", *whole[2:]], "line 3 is no entry"),
        ([whole[1], whole[0], *whole[2:]], "before entry 2 (line 1)"),
    ):
        audit.file().write_bytes(b"".join(spoilt))
        assert any(words in fault for fault in audit.faults()), audit.faults()
    audit.file().write_bytes(b"".join(whole[:2]))  # the end is cut off: only who kept the head can tell
    assert audit.faults() == []
    assert audit.faults(digests[3]) == ["the digest that was kept is of no entry: the log was cut or exchanged"]
    assert audit.faults(digests[1]) == []


def test_a_key_file_that_others_can_read_is_refused(luci_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_keyring", lambda: None)  # a machine without one
    keys.keep("openai", "sk-first")
    keys.keep("google", "second")
    assert keys.kept("openai") == "sk-first" and stat.S_IMODE(keys.file().stat().st_mode) == 0o600
    keys.keep("openai", "")
    assert keys.providers() == ["google"]
    keys.file().chmod(0o644)
    with pytest.raises(ConfigError, match="Others can read"):
        keys.kept("google")


def test_a_message_survives_being_written_down() -> None:
    message = Message("assistant", "ü", (ToolCall("1", "run", '{"a": 1}'),), whole=False)
    assert Message.of(json.loads(json.dumps(message.as_dict()))) == message
