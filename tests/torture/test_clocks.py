"""A clock that jumps and a store that was copied are noticed; what cannot serve any more is built again."""

from __future__ import annotations

from tests.torture import clocks


def test_scripts_run_and_are_built_once_by_a_clock_that_is_years_behind(ground, hold):
    hold(clocks.jumps(ground, [-clocks.YEARS]))


def test_what_a_plan_is_read_from_may_come_from_the_future(ground, hold):
    hold(clocks.futures(ground))


def test_a_store_that_was_copied_is_told_and_built_again(ground, hold):
    hold(clocks.copies(ground, ["with its times"]))
