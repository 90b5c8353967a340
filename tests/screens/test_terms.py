"""A run behind a wall, in the app: what its card and its environment's detail tell of it."""

from __future__ import annotations

import pytest

from luci.events import Planned, Walled
from luci.screens.environments import Environments
from luci.screens.story import Story
from luci.screens.terms import terms
from tests.screens.app_host import opened, text_of
from tests.screens.environments_host import played
from tests.walls.conftest import WHY_NOT


@played
async def test_each_wall_and_its_limits_are_on_the_card_and_in_the_detail(project: object) -> None:
    walls = [wall for wall, why_not in WHY_NOT.items() if not why_not]
    if not walls:
        pytest.skip(f"no wall can be had here: {WHY_NOT}")
    async with opened() as person:
        for wall in walls:
            card = await person.run(f"run --sandbox {wall} --pids 64 --timeout 30 fails.py")
            assert card.story.outcome == "exit 1" and card.story.failure
            told = text_of(card)
            assert f"behind {wall}" in told
            assert f"{wall}: 64 processes" in told and "30.0 s" in told
            await person.press("f4")
            pane = person.home.query_one(Environments)
            runs = lambda: " ".join(str(pane.query_one("#detail-runs").render()).split())  # noqa: B023, E731
            await person.until(lambda: f"behind {wall}, 64 processes" in runs())  # noqa: B023
            await person.press("f2")


def said(story: Story, timeout: float | None = None) -> list[list[str]]:
    return [[str(part).strip() for part in row] for row in terms(story, timeout)]


def test_what_a_wall_does_not_hold_is_told_and_where_all_is_as_ever_nothing_is() -> None:
    plan = {"requirements": [], "python": "3.12.1", "choices": [], "kind": "conda", "kind_reason": "numpy has no wheel"}
    story = Story(0).after(Planned(plan), 1)
    assert [[str(part).strip() for part in row] for row in terms(story, None)] == [
        ["kind", "conda: numpy has no wheel"]
    ]
    story = story.after(Walled("landlock", ("1 CPU", "no network"), ("fills the disk",)), 2)
    assert [[str(part).strip() for part in row] for row in terms(story, 90)[1:]] == [
        ["wall", "landlock: 1 CPU, no network"],
        ["not held", "fills the disk"],
        ["at most", "1 min 30 s"],
    ]
    assert terms(Story(0).after(Planned({**plan, "kind": "venv"}), 1), None) == ()
