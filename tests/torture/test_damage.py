"""Damaged and missing files are noticed, and mended or refused in one clear line; nothing else is lost."""

from __future__ import annotations

from tests.torture import damage


def test_damaged_records_and_caches_stop_no_run(ground, hold):
    hold(damage.records(ground, 5, seed=1))


def test_a_config_file_that_cannot_be_read_is_refused_in_one_line_and_left_as_it_is(ground, hold):
    hold(damage.configuration(ground, ["random bytes", "a wrong kind"]))


def test_what_is_spoilt_inside_an_environment_is_noticed_and_mended(ground, hold):
    names = ("a module deep inside is gone", "its settings are gone", "a folder stands for its record")
    hold(damage.inside(ground, (*names, "the generation is gone", "a module was altered in place")))


def test_luci_makes_anew_what_was_removed_from_its_home(ground, hold):
    hold(damage.homes(ground, ("data", "state"), ("state/running", "state/scripts")))


def test_an_environment_whose_python_was_uninstalled_is_told_and_built_again(ground, hold):
    hold([damage.uninstalled(ground)])
