"""When a person is asked, and what answers without one."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from luci.chat.leave import Effect, Leave, Rules, Verdict, question_of
from luci.errors import ConfigError
from luci.screens.asked import answered

WRITE = Effect("write", "Write a.py?", subject="src/a.py")


def leave(**options: object) -> tuple[Leave, list[Effect]]:
    asked: list[Effect] = []

    def decide(effect: Effect) -> Verdict:
        asked.append(effect)
        return Verdict(True, lasting=True)

    return Leave(decide=decide, **options), asked  # type: ignore[arg-type]


def test_a_yes_for_the_session_is_for_its_kind_and_for_no_question_of_its_own() -> None:
    given, asked = leave()
    for effect in (WRITE, WRITE, Effect("run", "Run?"), Effect("write", "Write .env?", own=True)):
        assert given.of(effect).yes
    assert [effect.title for effect in asked] == ["Write a.py?", "Run?", "Write .env?"]


@pytest.mark.parametrize(
    ("options", "effect", "expected"),
    [
        ({"policy": "never", "allowed": frozenset({"write"})}, WRITE, False),
        ({"allowed": frozenset({"write"})}, WRITE, True),
        ({"policy": "auto"}, Effect("run", "Run?", bounded=True), True),
        ({"rules": Rules(deny=("write *.py",)), "allowed": frozenset({"write"})}, WRITE, False),
        ({"rules": Rules(allow=("write",), deny=("write a.py",))}, WRITE, False),
        ({"rules": Rules(allow=("write src/*",))}, WRITE, True),
        ({"rules": Rules(allow=("run a.py --year *",))}, Effect("run", "Run?", subject="a.py --year 2026"), True),
    ],
)
def test_settings_answer_before_anyone_is_asked(options: dict[str, object], effect: Effect, expected: bool) -> None:
    given, asked = leave(**options)
    assert given.of(effect).yes is expected and not asked


@pytest.mark.parametrize(
    "command",
    [
        "a.py --delete",
        "a.py --year 1 --delete",
        "b.py",
        "a.py 'x",
        "",
        "a.py; rm -rf /",
        "sh -c a.py",
        "a.py extra more",
    ],
)
def test_a_command_that_a_rule_does_not_name_is_asked(command: str) -> None:
    given, asked = leave(rules=Rules(allow=("run a.py --year extra",)))
    given.of(Effect("run", "Run?", subject=command))
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("rule", "effect"),
    [
        ("run tools/wipe.py", Effect("run", "?", subject="tools/wipe.py now")),
        ("run wipe.py", Effect("run", "?", subject="tools/wipe.py now")),
        ("run wipe.py --all", Effect("run", "?", subject="wipe.py --all=yes")),
        ("run wipe.py --all", Effect("run", "?", subject="wipe.py a 'b\nc' --all")),
        ("write *.toml", Effect("write", "?", subject="a/Pyproject.TOML")),
        ("install evil*", Effect("install", "?", subject="rich evil-thing")),
        ("install evil-thing", Effect("install", "?", subject="rich Evil_Thing")),
        ("write\tsecret/", Effect("write", "?", subject="secret/deep/a.txt")),
        ("read ./notes/../secret", Effect("read", "?", subject="secret/a.txt")),
        ("run", Effect("run", "?", subject="-c")),
    ],
)
def test_what_is_denied_is_denied_in_each_spelling(rule: str, effect: Effect) -> None:
    given, asked = leave(rules=Rules(deny=(rule,)))
    assert not given.of(effect).yes and not asked


def test_what_is_allowed_is_allowed_to_the_letter() -> None:
    given, asked = leave(rules=Rules(allow=("install rich", "write a.py")))
    assert given.of(Effect("install", "?", subject="rich")).yes and not asked
    for effect in (Effect("install", "?", subject="rich evil"), Effect("write", "?", subject="b/a.py")):
        given.of(effect)
    assert len(asked) == 2


def test_never_is_never_also_for_what_has_a_question_of_its_own() -> None:
    given, asked = leave(policy="never")
    assert not given.of(Effect("write", "Write .bashrc?", own=True)).yes and not asked
    assert given.of(Effect("read", "Read ../a.txt?", own=True)).yes and len(asked) == 1


def test_a_rule_that_denies_also_holds_for_questions_of_their_own() -> None:
    given, asked = leave(rules=Rules(deny=("read .env*",)))
    verdict = given.of(Effect("read", "Read .env?", subject=".env.local", own=True))
    assert not verdict.yes and "read .env*" in verdict.reason and not asked


def test_a_rule_that_means_nothing_is_no_rule(tmp_path: Path) -> None:
    for rules in ({"deny": ("wirte *.py",)}, {"deny": ("",)}, {"allow": ("report.py",)}, {"deny": ("Write *",)}):
        with pytest.raises(ConfigError, match="a rule that is none"):
            Rules.of(**{"allow": (), "deny": (), **rules})
    rules = Rules.of((), (f"read {tmp_path}/private/*",), str(tmp_path))
    assert rules.denies(Effect("read", "?", subject="private/a.txt"))


def test_only_a_whole_word_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """ "stop" and "skip" begin like the yes for the session."""
    question = question_of(WRITE)
    for typed, expected in (
        ("stop\n", (False, False, True)),
        ("skip\nn\n\n", (False, False, False)),
        ("Yes\n", (True, False, False)),
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        answer = answered(question)
        assert (answer.yes, answer.lasting, answer.stop) == expected, typed
