"""What the machine lacks stops no script that has its environment, and is said in one line where one must be built."""

from __future__ import annotations

from tests.torture import shortages


def test_on_a_full_disk_what_is_there_runs_and_nothing_is_lost(ground, hold):
    hold(shortages.full_disk(ground, (0, 60_000)))


def test_on_a_read_only_disk_what_is_there_runs_and_nothing_is_lost(ground, hold):
    hold(shortages.read_only(ground))


def test_without_the_right_to_write_what_is_there_runs_and_what_cannot_be_read_is_left_alone(ground, hold):
    hold(shortages.no_right(ground, ("home", "state")))


def test_without_file_descriptors_luci_works_or_says_so_and_nothing_is_lost(ground, hold):
    hold(shortages.no_descriptors(ground, (6, 11)))
