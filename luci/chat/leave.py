"""What may be done without asking, and what a person is asked: the effect, not the name of a tool.

What is possible is the wall's to say (luci.walls); here is said when to ask. A rule that denies always wins; what has a
question of its own is answered by a person, and by no setting.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from luci.context import Answer, Question
from luci.errors import ConfigError
from luci.values import Value

Kind = Literal["read", "write", "run", "install", "network"]
KINDS: tuple[Kind, ...] = ("read", "write", "run", "install", "network")
Policy = Literal["ask", "auto", "never"]


class Effect(Value):
    """What would happen. `details` is all that a yes covers, one fact a line; `subject` is the file or the command.

    `own`: a question of its own, that no setting and no earlier yes answers. `bounded`: a wall keeps it within bounds.
    `text` is what may be edited before it is done, None where nothing can be.
    """

    kind: Kind
    title: str
    details: tuple[str, ...] = ()
    subject: str = ""
    own: bool = False
    bounded: bool = False
    text: str | None = None


class Verdict(Value):
    """What was decided. `text` is the edited form of the effect's; `by` says who decided; `stop` ends the request."""

    yes: bool
    by: str = "you"
    reason: str = ""
    lasting: bool = False
    text: str | None = None
    stop: bool = False


Decide = Callable[[Effect], Verdict]


NOBODY = "nobody"  # who refuses where nobody is there


def nobody(effect: Effect) -> Verdict:
    """Decide for someone who is not there."""
    hint = "" if effect.own else f"; --allow {effect.kind} would have let it"
    return Verdict(False, NOBODY, f"nobody is here to be asked{hint}")


def by_asking(ask: Callable[[Question], bool | Answer]) -> Decide:
    """Let whoever answers questions decide."""

    def decide(effect: Effect) -> Verdict:
        answer = ask(question_of(effect))
        if not isinstance(answer, Answer):
            return Verdict(answer) if answer else nobody(effect)
        return Verdict(answer.yes, "you", answer.reason, answer.lasting, answer.text, answer.stop)

    return decide


def question_of(effect: Effect) -> Question:
    noun = {"read": "reading", "write": "writing", "run": "running", "install": "installing", "network": "the network"}
    return Question(
        f"leave {effect.kind}",
        effect.title,
        effect.details,
        f"--allow {effect.kind}",
        yes="Yes, once",
        no="No, and say why",
        lasting="" if effect.own else f"Yes, and all {noun[effect.kind]} in this session",
        draft=effect.text,
        wants_words=True,
        name=effect.subject.rpartition("/")[2],
    )


class Rules(Value):
    """`allow` and `deny` are lines as in the settings: a kind, then a pattern of files, or a command.

    A command is allowed with its binary and each flag by name: what a rule does not name is not allowed by it.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    folder: str = ""  # the project: a path that is denied may be told from elsewhere

    @classmethod
    def of(cls, allow: tuple[str, ...], deny: tuple[str, ...], folder: str = "") -> Rules:
        """Return rules that mean something. Raises ConfigError: one that nobody understands would deny nothing."""
        for name, rules in (("allow", allow), ("deny", deny)):
            for rule in rules:
                if _parted(rule)[0] not in KINDS:
                    raise ConfigError(
                        f"[leave] {name} has a rule that is none: {rule!r}.",
                        hint=f'A rule begins with one of {", ".join(KINDS)}, as in "write *.toml".',
                    )
        return cls(allow, deny, folder)

    def denies(self, effect: Effect) -> str:
        """Return the rule that forbids an effect; empty where none does."""
        return next((rule for rule in self.deny if _covers(rule, effect, self.folder, denying=True)), "")

    def allows(self, effect: Effect) -> str:
        return next((rule for rule in self.allow if _covers(rule, effect, self.folder, denying=False)), "")


def _parted(rule: str) -> tuple[str, str]:
    """Return the kind of a rule, and what it is about."""
    kind, *rest = rule.split(maxsplit=1) or [""]
    return kind, "".join(rest).strip()


def _covers(rule: str, effect: Effect, folder: str, *, denying: bool) -> bool:
    kind, pattern = _parted(rule)
    if kind != effect.kind:
        return False
    if not pattern:
        return True
    if effect.kind in ("read", "write"):
        return _is_denied_path(effect.subject, pattern, folder) if denying else _matches(effect.subject, pattern)
    if effect.kind == "run":
        return _covers_command(pattern, effect.subject, denying=denying)
    names = effect.subject.split() if effect.kind == "install" else [effect.subject]
    if effect.kind == "install":  # one distribution, however it is written (PEP 503)
        names, pattern = [re.sub(r"[-_.]+", "-", name) for name in names], re.sub(r"[-_.]+", "-", pattern)
    found = [_matches(name, pattern, denying=denying) for name in names]
    return any(found) if denying else bool(found) and all(found)


def _matches(name: str, pattern: str, *, denying: bool = False) -> bool:
    """Whether a name is meant. To deny, it may be in any folder, and in capitals: some disks do not tell them apart."""
    if not denying:
        return fnmatch.fnmatchcase(name, pattern)
    name, pattern = name.casefold(), pattern.casefold()
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name.rpartition("/")[2], pattern)


def _is_denied_path(name: str, pattern: str, folder: str) -> bool:
    """Whether a path is meant by a rule that denies: the path itself, or a folder that it lies in, however told.

    >>> [_is_denied_path("notes/a/b.txt", rule, "/p") for rule in ("notes", "./notes/", "/p/notes/*", "A", "note")]
    [True, True, True, True, False]
    """
    plain = os.path.normpath(os.path.expanduser(pattern))
    whole = os.path.join(folder, name)
    told = [*_upwards(name), *_upwards(whole)]
    return any(_matches(each, wanted, denying=True) for each in told for wanted in {pattern, plain})


def _upwards(path: str) -> list[str]:
    """Return a path, and the folders that it lies in."""
    found = [path]
    while (path := os.path.dirname(path)) not in ("", "/"):
        found.append(path)
    return found


def _covers_command(rule: str, command: str, *, denying: bool) -> bool:
    """Whether a rule covers a command line. To allow, each word of the command must be in the rule, in any order
    behind the first; to deny, it is enough that the command has the words of the rule.

    >>> _covers_command("report.py --year *", "report.py --year 2026", denying=False)
    True
    >>> _covers_command("report.py --year *", "report.py --year 2026 --delete", denying=False)
    False
    >>> _covers_command("report.py --delete", "old/report.py --delete=all", denying=True)
    True
    """
    try:
        wanted, words = shlex.split(rule), shlex.split(command)
    except ValueError:
        return denying
    if not wanted or not words or not _matches(words[0], wanted[0], denying=denying):
        return False
    if denying:
        told = [part for word in words[1:] for part in (word, word.partition("=")[0])]
        return all(any(fnmatch.fnmatchcase(word, each) for word in told) for each in wanted[1:])
    flags = [each for each in wanted[1:] if each.startswith("-")]
    plain = [each for each in wanted[1:] if not each.startswith("-")]
    return all(
        any(fnmatch.fnmatchcase(word, each) for each in (flags if word.startswith("-") else plain))
        for word in words[1:]
    )


@dataclass
class Leave:
    """Who decides, in this session. What was allowed for the session is kept here, by kind."""

    policy: Policy = "ask"
    allowed: frozenset[Kind] = frozenset()  # --allow
    rules: Rules = field(default_factory=Rules)
    decide: Decide = nobody
    granted: set[Kind] = field(default_factory=set)

    def of(self, effect: Effect) -> Verdict:
        """Return whether an effect may happen."""
        if rule := self.rules.denies(effect):
            return Verdict(False, "a rule", f"the rule {rule!r} forbids it")
        if self.policy == "never" and effect.kind != "read":
            return Verdict(False, "the policy", "the policy is never: only reading is allowed")
        if effect.own:
            return self._asked(effect)
        if effect.kind in self.allowed:
            return Verdict(True, f"--allow {effect.kind}")
        if effect.kind in self.granted:
            return Verdict(True, "you, for this session")
        if rule := self.rules.allows(effect):
            return Verdict(True, f"the rule {rule!r}")
        if self.policy == "auto" and effect.bounded:
            return Verdict(True, "the policy: the wall bounds it")
        return self._asked(effect)

    def _asked(self, effect: Effect) -> Verdict:
        verdict = self.decide(effect)
        if verdict.yes and verdict.lasting and not effect.own:
            self.granted.add(effect.kind)
        return verdict
