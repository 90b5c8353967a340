"""No name is taken for an option, leads out of luci's folders, or tells a terminal anything."""

from __future__ import annotations

from tests.torture import anything, names


def test_a_script_and_a_folder_with_a_bit_of_everything_in_their_names(ground, hold):
    hold([names.all_in_one(ground)])


def test_a_line_that_brings_another_line_is_refused_wherever_it_is_declared(ground, hold):
    hold(names.requirements(ground, ["another line behind a URL"]))


def test_anything_for_a_script_gives_a_plan_or_a_word_why_not_and_the_same_each_time(ground, hold):
    hold([anything.scripts(ground, 40)])
