"""What a request in plain words asks of luci itself, where no model is there to be asked."""

from __future__ import annotations

import os
import re
import shlex

from luci.actions.completion import mentions

CAN = "Without a model I run, plan and mend scripts: run FILE, plan FILE, why, envs, sessions WORDS, help."

_NOT = re.compile(r"\b(?:not|never|don'?t|doesn'?t|won'?t|without)\b")
_MAKING = re.compile(r"\b(?:write|make|create|build|generate|draw|explain|convert|translate|refactor|add)\b")
_WHY = re.compile(
    r"\b(?:why|what went wrong|what is wrong|what'?s wrong|fail(?:s|ed|ing|ure)?|crash(?:e[sd])?|traceback)\b"
)
_RUN = re.compile(r"\b(?:re-?run|run|start|execute|launch|try)\b")
_AGAIN = re.compile(r"\b(?:re-?run|run|start|try) (?:it|that|this|(?:the|that) script)\b")
_PLAN = re.compile(
    r"\b(?:plan|need(?:s|ed)?|require[sd]?|depend(?:s|encies)?|install(?:s|ed)?|packages?|imports?|would)\b"
)
_SEARCH = re.compile(
    r"\b(?:search(?: for)?|look(?:ing)? for|find"
    r"|(?:said|say|talk(?:ed)?|spoke|discuss(?:ed)?|asked|wrote)(?: \w+)?? about)\s+(.+)",
    re.DOTALL,
)
_WHERE = re.compile(
    r"(?:\b(?:in|through|from|of)\s+)?(?:\b(?:my|the|our|all|past|old|earlier|previous|other)\s+)*"
    r"\b(?:sessions?|conversations?|chats?|talks?|history)\b(?:\s+(?:for|about))?"
)
_PAST = re.compile(r"\b(?:sessions?|conversations?|chats?)\b")
_RUNS = re.compile(r"\b(?:runs|what ran|has run|have run|ran)\b")
_ENVIRONMENTS = re.compile(r"\b(?:environments?|envs?|venvs?|installed)\b")
_HELP = re.compile(r"\b(?:help|commands?|keys?|what can (?:you|i|luci)|how (?:do|does|can|to))\b")


def in_commands(text: str) -> str:
    """Return the command that a request comes to, empty where it is none of luci's own.

    >>> in_commands("Why did it fail?"), in_commands("Which environments do I have?")
    ('why', 'envs')
    >>> in_commands("Search my past conversations for full moon."), in_commands("what did we say about 'the moon'?")
    ("sessions 'full moon'", "sessions 'the moon'")
    >>> in_commands("Write me a script that prints the next full moon.")
    ''
    """
    said = text.casefold().strip()
    script = _script(text)
    if _MAKING.search(said) or _NOT.search(re.sub(r"\bwhy .*", "", said)):
        return ""
    if _WHY.search(said):
        return "why"
    if script:
        run, plan = _RUN.search(said), _PLAN.search(said)
        if plan and not (run and run.start() < plan.start()):
            return f"plan {shlex.quote(script)}"
        return f"run {shlex.quote(script)}" if run else ""
    if _AGAIN.search(said):
        return "run"
    found = _SEARCH.search(said)
    if found and (_PAST.search(said) or not found[0].startswith(("look", "find"))):
        words = re.sub(r"[\"“”?!.,;]|(?<!\w)['‘’]|['‘’](?!\w)", " ", _WHERE.sub(" ", found[1])).split()
        return f"sessions {shlex.quote(' '.join(words))}" if words else "sessions"
    for means, command in ((_PAST, "sessions"), (_RUNS, "runs"), (_ENVIRONMENTS, "envs"), (_HELP, "help")):
        if means.search(said):
            return command
    return ""


def _script(text: str) -> str:
    """Return the one script that is named, with an @ or without; empty for none or several."""
    bare = (word.strip("\"'`.,;:!?()") for word in text.split() if not word.startswith("@"))
    named = {*mentions(text), *bare}
    found = [name for name in named if name.endswith((".py", ".pyw")) and os.path.isfile(os.path.expanduser(name))]
    return found[0] if len(found) == 1 else ""
