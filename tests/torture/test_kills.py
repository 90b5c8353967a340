"""Nothing that luci does is spoilt by kill -9 at any moment of it."""

from __future__ import annotations

import pytest

from tests.torture import kills

SHORT = {"first run": 12, "later run": 2, "mend": 3, "rebuild": 3, "remove": 3, "prune": 3}


@pytest.mark.parametrize("deed", kills.DEEDS, ids=lambda deed: deed.name.replace(" ", "-"))
def test_after_kill_9_the_next_run_works_and_leaves_no_rubble(ground, hold, deed):
    hold(kills.kills(ground, deed, SHORT[deed.name], seed=1))


def test_an_installer_that_outlives_luci_spoils_no_later_build(ground, hold):
    hold(kills.orphans(ground))
