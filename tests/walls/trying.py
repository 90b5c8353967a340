"""Attempts to break out, each under the name that the table in docs/walls.md gives it."""

from __future__ import annotations

from luci.walls.asked import Limits
from tests.walls.conftest import NO_LIMITS, Attempt, Scene

MB = 2**20
ATTEMPTS: dict[str, Attempt] = {}


def attempt(words: str):  # type: ignore[no-untyped-def]
    """Name an attempt as the table does. It returns whether it succeeded, as seen from outside where that can be."""

    def keep(function: Attempt) -> Attempt:
        ATTEMPTS[words] = function
        return function

    return keep


def said(scene: Scene, wall: str, code: str, *words: object, limits: Limits = NO_LIMITS, writable: str = "") -> str:
    with scene.behind(scene.asked(wall, limits=limits, writable=writable)) as fence:
        done = scene.run(fence, code, *words)
    assert "could not be put up" not in done.stderr
    return done.stdout.strip()


TRIES = """
import sys
def tries(function, *words):
    try:
        function(*words)
    except OSError as error:
        print("no", error)
    else:
        print("yes")
"""
