"""Say at once what is known: a plan that still stands, environments, runs. All else is left to luci.cli.commands."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMS = {"--json", "--names", "--offline", "-q", "--quiet"}
LIMIT = 20  # runs that are listed where no other number is asked for
VOICE = {"--json", "-q", "--quiet", "-v", "--verbose"}


def said(words: list[str]) -> int | None:
    """Answer a command if that takes no more than what is known, and return the exit code; None where nothing was
    said."""
    if "_ARGCOMPLETE" in os.environ:
        return None
    try:
        if words[:1] == ["plan"]:
            return _plan(words[1:])
        if words[:2] == ["env", "list"] and VOICE.issuperset(words[2:]):
            return _environments(json="--json" in words)
        if words[:2] == ["runs", "list"] and words[2:] in ([], ["--json"]):
            return _runs(json="--json" in words)
    except BrokenPipeError:
        return nobody_reads()
    except OSError:
        return None  # the working folder is gone, or nothing can be read: luci.cli.commands has the words for it
    except KeyboardInterrupt:
        return 130
    return None


def _plan(words: list[str]) -> int | None:
    """Answer `luci plan SCRIPT` if its plan still stands."""
    asked = plain_plan(words)
    if asked is None:
        return None
    from luci.runner import standing

    script, options = asked
    told = standing.told(script, offline="--offline" in options)
    return None if told is None else show(told, json="--json" in options, names="--names" in options)


def plain_plan(words: list[str]) -> tuple[str, set[str]] | None:
    """Return the script and the options behind `luci plan`; None for what only a parser understands."""
    end = next((n for n, word in enumerate(words) if word not in FORMS), len(words))
    options, rest = set(words[:end]), words[end:]
    if len(rest) != 1 or rest[0].startswith("-") or {"--json", "--names"} <= options:
        return None
    return rest[0], options


def _environments(*, json: bool) -> int:
    from luci.actions import rows
    from luci.screens import tables
    from luci.screens.plain import as_json

    found = rows.all_of_them(brief=not json)
    print(as_json(found)) if json else tables.envs(found)
    sys.stdout.flush()
    return 0


def _runs(*, json: bool) -> int:
    from luci import runs
    from luci.screens import tables
    from luci.screens.plain import as_json

    found = runs.latest(LIMIT)
    print(as_json(found)) if json else tables.runs(found)
    sys.stdout.flush()
    return 0


def show(told: dict[str, Any], *, json: bool = False, names: bool = False) -> int:
    """Print a plan, as `Plan.as_dict` tells it: just so, or one name a line, or for people. Return the exit code."""
    from luci.screens import tables
    from luci.screens.plain import as_json, harmless

    if json:
        print(as_json(told))
    elif names:
        for line in told["requirements"]:
            print(harmless(line.partition(" --hash")[0]))
    else:
        tables.plan(told)
    sys.stdout.flush()
    return 126 if told["refused"] else 125 if told["hopeless"] else 0


def nobody_reads() -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the last flush must not complain
    return 128 + 13
