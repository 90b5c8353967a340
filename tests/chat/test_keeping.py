"""What is kept of conversations: sessions, the audit, and copies for undo."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import keyring
import pytest
from keyring import backend, errors

from luci.chat import audit, keys
from luci.chat.budget import Budget
from luci.chat.export import markdown
from luci.chat.messages import Message, ToolCall, Usage
from luci.chat.providers import endpoint
from luci.chat.sessions import Sessions
from luci.chat.undo import UndoRequest, taken_back
from luci.config import ModelSettings
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
    for words, hits in {
        "moon pha": 1,  # the last word while it is typed
        "pha moon": 0,
        "pha* moon": 1,
        '"the moon"': 1,
        '"moon the"': 0,
        "moon AND": 0,  # a word as any other
        "*": 0,
        '"': 0,
    }.items():
        assert len(kept.search(words)) == hits, words
    with pytest.raises(UsageError, match="2 sessions begin with"):
        kept.find(first.partition("-")[0])
    assert [s.title for s in kept.all()] == ["Something else", "Plot the moon"]
    text = markdown(kept.find(first[:-1]), kept.entries(first))
    assert text.startswith("# Plot the moon\n") and "- refused by you: Write moon.py?" in text
    assert "````diff\n+```evil```\n````" in text


def test_a_session_that_broke_off_can_go_on(kept: Sessions, tmp_path: Path) -> None:
    session = kept.begin(tmp_path)
    say(kept, session, "user", "Go.")
    say(kept, session, "assistant", "", calls=(ToolCall("1", "run", "{}"), ToolCall("2", "run", "{}")))
    say(kept, session, "tool", "done", call_id="1")
    say(kept, session, "user", "Meanwhile, in another luci.")
    say(kept, session, "assistant", "", calls=(ToolCall("1", "run", "{}"),))
    say(kept, session, "user", "Again from there.")
    say(kept, session, "tool", "the second", call_id="1")
    told = [m.text or m.calls[0].id for m in kept.messages(session)]
    unknown = "It is not known what came of this: luci ended."
    assert told == ["Go.", "1", "done", unknown, "Meanwhile, in another luci.", "1", "the second", "Again from there."]


def test_a_fork_has_the_beginning_and_a_deleted_session_leaves_nothing(kept: Sessions, tmp_path: Path) -> None:
    session = kept.begin(tmp_path)
    for text in ("one", "two", "three"):
        say(kept, session, "user", text)
    kept.changed(session, tmp_path / "a.py", None, "secret = 1")
    fork = kept.fork(kept.find(session), 2)
    number = kept.add(session, "draft", Message("assistant", whole=False).as_dict())
    kept.write_on(session, number, "of the deleted session alone " * 100)
    kept.redraft(session, number, Message("assistant", "of the deleted session alone " * 100).as_dict(), "message")
    kept._db.execute("pragma wal_checkpoint(truncate)")
    kept.delete(session)
    assert not any(b"alone" in path.read_bytes() for path in kept.file.parent.glob("sessions.sqlite3*"))
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


def test_a_database_of_the_format_before_goes_on(luci_home: Path, tmp_path: Path) -> None:
    kept = Sessions()
    session = kept.begin(tmp_path)
    say(kept, session, "user", "old words")
    kept._db.execute("drop table pieces")
    kept._db.execute("pragma user_version=1")
    kept.close()
    again = Sessions()
    draft = again.add(session, "draft", Message("assistant", whole=False).as_dict())
    again.write_on(session, draft, "new words")
    assert [m.text for m in again.messages(session)] == ["old words", "new words"]
    again.close()


def test_what_was_shown_is_there_after_a_kill_and_another_process_sees_it(luci_home: Path, tmp_path: Path) -> None:
    source = (
        "import os, signal, sys, pathlib\n"
        "from luci.chat.sessions import Sessions\n"
        "kept = Sessions(); session = kept.begin(pathlib.Path('.'))\n"
        "from luci.chat.messages import Message\n"
        "number = kept.add(session, 'draft', Message('assistant', whole=False).as_dict())\n"
        "for word in ('what ', 'was ', 'shown'):\n"
        "    kept.write_on(session, number, word)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environ = {**os.environ, "LUCI_HOME": str(luci_home)}
    assert subprocess.run([sys.executable, "-c", source], env=environ, check=False).returncode == -signal.SIGKILL
    kept = Sessions()
    (session,) = kept.all()
    (answer,) = kept.messages(session.id)
    assert (answer.text, answer.whole) == ("what was shown", False)
    assert "what was shown" in markdown(session, kept.entries(session.id))
    kept.close()


def test_a_disk_that_is_full_or_closed_and_a_damaged_file_are_told_in_words(kept: Sessions, tmp_path: Path) -> None:
    session = kept.begin(tmp_path)
    say(kept, session, "user", "first")
    kept._db.execute("pragma wal_checkpoint(truncate)")
    (pages,) = kept._db.execute("pragma page_count").fetchone()
    kept._db.execute(f"pragma max_page_count={pages}")
    with pytest.raises(LuciError, match="disk is full"):
        say(kept, session, "user", "x" * 1_000_000)
    assert [m.text for m in kept.messages(session)] == ["first"]
    kept._db.execute("pragma max_page_count=1000000")
    say(kept, session, "user", "second")  # there is room again
    kept._db.execute("pragma query_only=1")
    with pytest.raises(LuciError, match="cannot be written"):
        say(kept, session, "user", "third")
    kept.close()
    content = kept.file.read_bytes()
    kept.file.write_bytes(content[:8192] + b"\xaa" * (len(content) - 8192))
    with pytest.raises(LuciError, match=r"are damaged|cannot be opened") as caught:
        Sessions().messages(session)
    assert caught.value.hint and kept.file.exists()


def test_two_processes_together_do_not_go_over_the_budget_of_a_day(kept: Sessions, luci_home: Path) -> None:
    settings = ModelSettings(day_tokens=10_000, request_tokens=0)
    one, other = Budget(settings, kept), Budget(settings, Sessions())
    assert one.left(1_000) == 9_000
    with pytest.raises(Refused, match=r"model\.day_tokens"):  # the first is still running, and may take it all
        other.left(1_000)
    one.took(Usage(1_000, 500), 1_000, 500)
    assert other.left(1_000) == 7_500
    other.gave_up()
    assert kept.spent_today()[0] == 1_500
    other.sessions.close()


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
    with pytest.raises(Refused, match="changed since"):  # while the question was there
        taken_back(UndoRequest(), kept, tmp_path, lambda question: bool(file.write_text("mine\n")))
    assert file.read_text() == "mine\n"
    inner, elsewhere = tmp_path / "p" / "sub", tmp_path / "elsewhere"
    for folder in (inner, elsewhere):
        folder.mkdir(parents=True)
    kept.changed(session, inner / "b.py", None, "x")
    kept.mark(kept.changes(undone=False, below=inner)[0], undone=True)
    inner.rmdir()
    inner.symlink_to(elsewhere)
    with pytest.raises(Refused, match="could not be written"):  # a script made it lead elsewhere
        taken_back(UndoRequest(again=True), kept, inner.parent, lambda question: True)
    assert not list(elsewhere.iterdir())
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
    doubled = whole[1].replace(b'"yes": true', b'"yes": false, "yes": true')  # the same to who reads JSON
    audit.file().write_bytes(b"".join([whole[0], doubled, *whole[2:]]))
    assert audit.faults() == ["entry 2 (line 2) was altered"]
    audit.file().write_bytes(b"".join(whole[:2]))  # the end is cut off
    assert audit.faults() == ["the end is missing: there were 4 entries, and there are 2"]
    assert len(audit.faults(digests[3])) == 2
    witness = audit.file().with_suffix(".head")
    witness.write_text(json.dumps({"entries": 2, "digest": digests[1]}))  # and what lies beside it is exchanged, too:
    assert audit.faults() == [] and audit.faults(digests[1]) == []
    assert audit.faults(digests[3]) == ["the digest that was kept is of no entry: the log was cut or exchanged"]
    witness.unlink()
    assert "is missing" in audit.faults()[0]


def test_an_entry_that_was_begun_and_not_finished_spoils_no_other(luci_home: Path) -> None:
    audit.add("leave", {"title": "one"})
    audit.add("leave", {"title": "two"})
    whole = lines()
    audit.file().write_bytes(whole[0] + whole[1][:30])  # killed while it wrote, before it said so beside the log
    audit.file().with_suffix(".head").write_text(json.dumps({"entries": 1, "digest": json.loads(whole[0])["digest"]}))
    audit.add("leave", {"title": "three"})
    assert audit.faults() == ["line 2 is no entry, or one that was begun and not finished"]
    assert [entry["title"] for entry in audit.entries()] == ["one", "three"]


def test_many_writers_at_once_make_one_chain(luci_home: Path) -> None:
    source = "from luci.chat import audit\nfor n in range(15): audit.add('leave', {'title': str(n)})\n"
    environ = {**os.environ, "LUCI_HOME": str(luci_home)}
    started = [subprocess.Popen([sys.executable, "-c", source], env=environ) for _ in range(3)]
    assert [process.wait() for process in started] == [0, 0, 0]
    assert audit.faults() == [] and audit.head().entries == 45


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


class Ring(backend.KeyringBackend):
    """A keyring as the library wants one; the real ones need a desktop."""

    priority: Any = 5
    kept: ClassVar[dict[tuple[str, str], str]] = {}
    locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise errors.KeyringLocked("Failed to unlock the collection!")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


def test_a_keyring_keeps_keys_and_one_that_is_locked_or_only_a_file_is_told_apart(
    luci_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, ring = keyring.get_keyring(), Ring()
    keyring.set_keyring(ring)
    try:
        assert "the keyring" in keys.keep("openai", "sk-in-the-ring") and keys.kept("openai") == "sk-in-the-ring"
        assert not keys.file().exists()
        monkeypatch.setattr(Ring, "locked", True)
        with pytest.raises(ConfigError, match="keyring is locked") as caught:
            endpoint(ModelSettings(provider="openai"), {})
        assert "OPENAI_API_KEY" in caught.value.hint
        assert endpoint(ModelSettings(provider="openai"), {"OPENAI_API_KEY": "k"}).key == "k"  # nobody asks it
        monkeypatch.setattr(Ring, "priority", 0.5)  # so keyrings say that they are a plain file
        assert keys.keep("openai", "sk-in-our-file").endswith("keys.toml") and keys.kept("openai") == "sk-in-our-file"
        monkeypatch.setattr(Ring, "priority", property(lambda self: 1 / 0))
        with pytest.raises(ConfigError, match="keyring cannot be opened"):
            keys.kept("google")
        assert keys.kept("openai") == "sk-in-our-file"
    finally:
        keyring.set_keyring(before)
        ring.kept.clear()  # keyring may choose this one itself, by its priority


def test_a_message_survives_being_written_down() -> None:
    message = Message("assistant", "ü", (ToolCall("1", "run", '{"a": 1}'),), whole=False)
    assert Message.of(json.loads(json.dumps(message.as_dict()))) == message
