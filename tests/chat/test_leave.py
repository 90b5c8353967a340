"""When a person is asked, and what answers without one."""

from __future__ import annotations

import pytest

from luci.chat.leave import Effect, Leave, Rules, Verdict

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


def test_a_rule_that_denies_also_holds_for_questions_of_their_own() -> None:
    given, asked = leave(rules=Rules(deny=("read .env*",)))
    verdict = given.of(Effect("read", "Read .env?", subject=".env.local", own=True))
    assert not verdict.yes and "read .env*" in verdict.reason and not asked
