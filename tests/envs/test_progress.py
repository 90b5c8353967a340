"""What uv draws on a terminal, read as how far it came; what it says for good is kept apart."""

from __future__ import annotations

import pytest

from luci.envs.progress import Listener
from luci.events import Working
from tests.package_index import PackageIndex

CLEAR = "\r\x1b[2K"
SAID = ["Using Python 3.13.0 environment at: env", "Resolved 2 packages in 3ms", "", "error: Failed to download `b`"]
DRAWN = (
    f"{SAID[0]}\n⠋ \x1b[2mResolving dependencies...   \x1b[0m{CLEAR}⠙ \x1b[2ma==1.0      \x1b[0m{CLEAR}{SAID[1]}\r\n"
    f"⠋ \x1b[2mPreparing packages...\x1b[0m (0/0)   {CLEAR}⠙ \x1b[2mPreparing packages...\x1b[0m (1/2)      "
    f"\x1b[2mb       \x1b[0m \x1b[32m---------------\x1b[30m\x1b[2m---------------\x1b[0m\x1b[0m 1.00 KiB/2.00 KiB   "
    f"\x1b[1A{CLEAR}\x1b[1B{CLEAR}\x1b[1A   Building c==2.0      ⠙ \x1b[2mPreparing packages...\x1b[0m (1/2)   "
    f"{CLEAR}█████░░░░░ [1/2] \x1b[2ma==1.0  \x1b[0m{CLEAR}\n{SAID[3]}"
)
TOLD = [
    Working("resolving", "a==1.0"),
    Working("downloading", "b", 1, 2, 1024, 2048),
    Working("downloading", "c==2.0", 1, 2),
    Working("installing", "a==1.0", 1, 2),
]


@pytest.mark.parametrize("size", [10_000, 80, 7, 1])
def test_it_is_understood_wherever_the_pieces_are_cut(size: int) -> None:
    listener = Listener()
    told = [each for at in range(0, len(DRAWN), size) for each in listener.hear(DRAWN[at : at + size])]
    listener.end()
    assert listener.lines == SAID
    assert [step for step in told if step in TOLD] == TOLD


def test_what_it_says_where_there_is_no_terminal_is_heard_too() -> None:
    listener = Listener()
    told = list(listener.hear("Resolved 1 package in 3ms\nDownloading numpy (16.1MiB)\n Downloaded numpy\n"))
    assert told == [Working("downloading", "Downloading numpy (16.1MiB)")]


def test_an_error_in_the_middle_of_a_drawing_is_told_from_it() -> None:
    listener = Listener()
    list(listener.hear("⠙ \x1b[2mResolving dependencies...    \x1b[0merror: Failed to fetch: x\n  cause: a fault\n"))
    assert listener.lines == ["error: Failed to fetch: x", "  cause: a fault"]


def test_drawings_that_nobody_knows_are_passed_over() -> None:
    listener = Listener()
    told = list(listener.hear("▶▷ 3 of 9 {fancy}\r\x1b[2K▶▶ 9 of 9\r\x1b[2Kerror: a fault\n"))
    assert (told, listener.lines) == ([], ["error: a fault"])


def test_bytes_are_told_in_hundredths_at_most() -> None:
    listener = Listener()
    frame = "⠙ Preparing packages... (0/1)   big   ------------------------------ {}.00 KiB/10.00 MiB   " + CLEAR
    told = [each for kilobytes in range(10_000) for each in listener.hear(frame.format(kilobytes))]
    assert 50 <= len(told) <= 101


def test_each_package_and_its_bytes_are_told_while_they_come(build, index: PackageIndex) -> None:
    index.add_wheel("heavy", "1.0", {"heavy.bin": bytes(range(256)) * 4000}, requires=["six"])
    index.fail("/files/heavy-1.0-py3-none-any.whl", "pause")
    told: list[Working] = []
    spec = build.spec("heavy")
    for event in build.store.ready(spec, build.python, build.fill(spec), label="demo", about={}):
        told += [event] if isinstance(event, Working) else []
        if told[-1].received and (told[-1].done, told[-1].total) == (1, 2):
            index.recover()
    steps = list(dict.fromkeys(working.step for working in told))
    assert steps == ["building", "resolving", "downloading", "installing"]
    assert any(0 < working.received < working.size and working.detail == "heavy" for working in told)
    assert (told[-1].done, told[-1].total) == (2, 2)
