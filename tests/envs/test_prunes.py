"""Which environments may go: broken, orphaned, long unused, over the budget; never what is in use."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from luci.envs import prunes
from luci.envs.prunes import DAY, Policy
from luci.envs.sizes import weight
from luci.envs.store import Env

KEEP = Policy(orphan_days=14, unused_days=60, budget_bytes=1e10)


@pytest.fixture
def aged(build, tmp_path: Path):
    """Build an environment last used some days ago, by a script that is there."""

    def make(*requirements: str, days: float, script: Path | str = Path(__file__)) -> Env:
        env = build(*requirements, label=requirements[0], script=str(script))
        when = time.time() - days * DAY
        for marker in [*(env.root / "uses").iterdir(), env.root / "uses"]:
            os.utime(marker, (when, when))
        return env

    return make


def reasons(store, policy: Policy = KEEP, **scripts: list[str]) -> dict[str, str]:
    return {found.env.label: found.reason for found in prunes.candidates(store, policy, scripts)}


def test_what_is_whole_and_wanted_stays(store, aged):
    aged("six", days=59)
    assert reasons(store) == {}


def test_what_was_not_used_for_long_goes(store, aged):
    aged("six", days=61)
    aged("demo", days=1)
    assert reasons(store) == {"six": "unused for 61 days"}


def test_what_is_broken_goes(store, aged):
    aged("six", days=0).python.unlink()
    assert reasons(store) == {"six": "broken: its python is gone"}


def test_what_no_script_uses_any_more_goes_after_a_while(store, aged, tmp_path):
    script = tmp_path / "gone.py"
    aged("six", days=15, script=script)
    aged("demo", days=13, script=script)
    assert reasons(store) == {"six": "no script that used it is there any more"}


def test_one_script_that_still_uses_it_is_enough(store, aged, tmp_path):
    env = aged("six", days=15, script=tmp_path / "gone.py")
    assert reasons(store, **{env.key: [str(tmp_path / "too.py"), __file__]}) == {}
    assert reasons(store, **{env.key: [str(tmp_path / "too.py")]}) != {}


def test_over_the_budget_the_longest_unused_go_first(store, aged):
    sizes = {name: aged(name, days=days).about["bytes"] for name, days in (("six", 3), ("demo", 2), ("tool", 1))}
    assert min(sizes.values()) > 1000
    budget = Policy(14, 60, sizes["tool"] + sizes["demo"])
    assert reasons(store, budget) == {
        "six": f"over the budget of {budget.budget_bytes / 1e9:g} GB, and the longest unused"
    }
    assert set(reasons(store, Policy(14, 60, sizes["tool"]))) == {"six", "demo"}
    assert set(reasons(store, Policy(14, 60, 0))) == {"six", "demo", "tool"}


def test_what_goes_for_another_reason_does_not_count_against_the_budget(store, aged):
    aged("demo", days=70)
    kept = aged("six", days=1)
    assert set(reasons(store, Policy(14, 60, kept.about["bytes"]))) == {"demo"}


def test_what_is_in_use_stays_whatever_speaks_against_it(store, aged):
    env = aged("six", days=100)
    child = subprocess.Popen([env.python, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1)
    assert child.stdout
    child.stdout.readline()
    assert reasons(store, Policy(0, 0, 0)) == {}
    child.communicate()
    assert set(reasons(store, Policy(0, 0, 0))) == {"six"}


def test_finding_removes_nothing_and_removing_says_what_went(store, aged):
    env = aged("six", days=61)
    found = prunes.candidates(store, KEEP, {})
    assert store.all() == [env]
    (said,) = prunes.remove(store, found)
    assert (said.text, store.all()) == (f"removed {env.name}: unused for 61 days", [])


def test_what_came_into_use_meanwhile_is_left_and_said(store, aged):
    env = aged("six", days=61)
    found = prunes.candidates(store, KEEP, {})
    child = subprocess.Popen([env.python, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1)
    assert child.stdout
    child.stdout.readline()
    (said,) = prunes.remove(store, found)
    child.communicate()
    assert ("in use" in said.text, store.all()) == (True, [env])


# -- as the command line asks for it


@pytest.fixture
def luci(index):
    from luci import cli

    def run(capsys, *words: str) -> tuple[int, object]:
        code = cli.main([*words, "--json"])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else None

    return run


def test_a_dry_run_lists_and_removes_nothing(store, aged, luci, capsys):
    env = aged("six", days=61)
    code, rows = luci(capsys, "env", "prune", "--dry-run")
    assert (code, [row["reason"] for row in rows], store.all()) == (0, ["unused for 61 days"], [env])


def test_pruning_wants_a_yes(store, aged, luci, capsys):
    env = aged("six", days=61)
    assert (luci(capsys, "env", "prune")[0], store.all()) == (126, [env])
    assert (luci(capsys, "env", "prune", "--yes")[0], store.all()) == (0, [])


def test_statistics_count_and_say_what_removing_would_free(store, aged, luci, capsys, tmp_path):
    aged("six", days=1)
    aged("demo", days=1, script=tmp_path / "gone.py")
    aged("tool", days=1).python.unlink()
    code, told = luci(capsys, "env", "stats")
    assert (code, told["environments"], told["by_kind"]) == (0, 3, {"venv": 3})
    assert told["by_state"] == {"ready": 1, "orphaned": 1, "broken": 1}
    assert told["bytes"] == sum(weight(env.root)[0] for env in store.all())
    assert told["wheel_cache"] == os.environ["UV_CACHE_DIR"]
    assert told["wheel_cache_bytes"] > 0
    free = sum(store.remove(env) for env in store.all())
    assert told["freed_by_removing_all"] == free
