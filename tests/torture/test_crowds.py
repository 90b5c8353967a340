"""Many runs at once are as good as one, and nobody takes away an environment that a run is about to use."""

from __future__ import annotations

import sys

import pytest

from tests.torture import crowds
from tests.torture.ground import LUCI


def test_simultaneous_first_runs_of_one_script_build_one_environment(ground, hold):
    hold([crowds.one_script(ground, 16)])


def test_simultaneous_first_runs_of_many_scripts_all_succeed(ground, hold):
    hold([crowds.many_scripts(ground, 8)])


def test_no_environment_vanishes_under_a_run_while_others_rebuild_remove_and_prune(ground, hold):
    hold([crowds.runs_beside_changes(ground, 3)])


@pytest.mark.parametrize("start", [(LUCI,), (sys.executable, "-m", "luci")], ids=["launcher", "python"])
def test_between_the_marker_and_its_python_an_environment_cannot_be_taken(ground, hold, start):
    hold([crowds.held_before_python_starts(ground, start)])


def test_a_run_stopped_at_any_moment_works_though_its_environment_was_removed_meanwhile(ground, hold):
    hold(crowds.stopped_anywhere(ground, 4, seed=1))
