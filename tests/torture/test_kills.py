"""Nothing that luci does is spoilt by kill -9 at any moment of it."""

from __future__ import annotations

import pytest

from tests.torture import kills

SHORT = {"first run": 4, "later run": 1, "mend": 2, "rebuild": 2, "remove": 1, "prune": 1}


@pytest.mark.parametrize("deed", kills.DEEDS, ids=lambda deed: deed.name.replace(" ", "-"))
def test_after_kill_9_the_next_run_works_and_leaves_no_rubble(ground, hold, deed):
    hold(kills.kills(ground, deed, SHORT[deed.name], seed=1))


def test_an_installer_that_outlives_luci_spoils_no_later_build(ground, hold):
    hold(kills.orphans(ground))
