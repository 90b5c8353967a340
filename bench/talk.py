"""Does a long conversation stay as quick as a short one? The app without a terminal, 100 and 2,000 messages.

    python bench/talk.py [ROUNDS]

Opens a kept conversation, streams an answer of 400 pieces behind it, then scrolls up 10 pages. The sizes take turns;
prints the median seconds of all rounds with the least and the most, and the ratio of the medians.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from luci import config
from luci.app import LuciApp
from luci.chat.messages import Began, Message, Replied, Replying
from luci.chat.sessions import Sessions
from luci.screens.dialogue import Dialogue
from luci.screens.retold import Retold

PIECES = 400
ROUNDS = 3
PAGES = 10
SETTLED = 0.5  # seconds in which what was put there is drawn
SIZES = (100, 2000)
PARTS = ("open", "stream", "scroll")
TEXT = "Each file has a size, and `sizes.py` prints it.\n\n```python\nfor path in files:\n    print(path)\n```\n"


def kept(messages: int) -> str:
    """Write a conversation down; return its id."""
    sessions = Sessions()
    session = sessions.begin(Path.cwd())
    sessions._db.execute("begin")
    sessions._db.executemany(
        "insert into entries values (?, ?, 0, 'message', ?)",
        ((session, n + 1, _body(n)) for n in range(messages)),
    )
    sessions._db.execute("commit")
    sessions.close()
    return session


def _body(number: int) -> str:
    import json

    return json.dumps((Message("assistant", TEXT) if number % 2 else Message("user", f"request {number}")).as_dict())


async def measured(session: str) -> tuple[float, float, float]:
    """Return the seconds that opening, streaming and scrolling took."""
    app = LuciApp(config.load())
    async with app.run_test(size=(120, 40)) as pilot:
        conversation = app.home.conversation
        began = time.perf_counter()
        app.home.switch("", session)
        while not conversation.query(Retold) or not conversation.query(Retold).last().is_mounted:
            await pilot.pause()
        opened = time.perf_counter() - began
        await pilot.pause(SETTLED)
        dialogue = Dialogue("the last")
        conversation._add(dialogue)
        await pilot.pause(SETTLED)
        began = time.perf_counter()
        await dialogue._take(Began("s", "m"))
        for number in range(PIECES):
            await dialogue._take(Replying(f"word{number} " if number % 20 else "\n\n"))
            await asyncio.sleep(0)
        await dialogue._take(Replied("all"))
        await pilot.pause()
        streamed = time.perf_counter() - began
        await pilot.pause(SETTLED)
        began = time.perf_counter()
        for _ in range(PAGES):
            conversation.scroll_page_up(animate=False)
            await pilot.pause()
        return opened, streamed, time.perf_counter() - began


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"LUCI_HOME": folder, "LUCI_MODEL_BASE_URL": "http://127.0.0.1:9/v1"}  # where nobody is asked
        sessions = [kept(size) for size in SIZES]
        asyncio.run(measured(sessions[0]))  # fills the caches
        found = [[asyncio.run(measured(session)) for session in sessions] for _ in range(rounds)]
    for at, name in enumerate(PARTS):
        times = [[each[which][at] for each in found] for which in range(len(SIZES))]
        told = ", ".join(
            f"{size:,} messages {statistics.median(taken):.2f} s ({min(taken):.2f} to {max(taken):.2f})"
            for size, taken in zip(SIZES, times, strict=True)
        )
        short, long = map(statistics.median, times)
        print(f"{name}: {told}, ratio {long / short:.2f}")


if __name__ == "__main__":
    main()
