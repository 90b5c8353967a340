"""An index that fails stops no script that has its environment, and is said clearly where one must be built."""

from __future__ import annotations

from tests.torture import indexes


def test_an_index_that_fails_is_told_and_spoils_nothing(ground, hold):
    cases = [("the page of a project", "404"), ("a wheel", "other bytes")]
    hold(indexes.failing(ground, cases, tries=1))
