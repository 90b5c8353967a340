"""Does a long conversation stay as quick as a short one? The app without a terminal, 100 and 2,000 messages.

    python bench/talk.py

Streams an answer of 400 pieces behind the messages, then scrolls up 20 pages; prints the median seconds of three
rounds, taken in turns, and their ratio.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time

from luci import config
from luci.app import LuciApp
from luci.chat.messages import Began, Message, Replied, Replying
from luci.chat.sessions import Entry
from luci.screens.dialogue import Dialogue

PIECES = 400
ROUNDS = 3
SETTLED = 1.0  # seconds in which what was put there is drawn
TEXT = "Each file has a size, and `sizes.py` prints it.\n\n```python\nfor path in files:\n    print(path)\n```\n"

ANSWER = Message("assistant", TEXT).as_dict()


async def measured(messages: int) -> tuple[float, float]:
    """Return the seconds that streaming took, and those of scrolling."""
    app = LuciApp(config.load())
    async with app.run_test(size=(120, 40)) as pilot:
        app.stylesheet.read(os.path.join(os.path.dirname(config.__file__), "screens", "dialogue.tcss"))
        conversation = app.home.conversation
        for number in range(messages // 2):
            conversation.said(f"request {number}")
            conversation.retell([Entry(number, 0.0, "message", ANSWER)], 0)
            if number % 50 == 0:
                await pilot.pause()
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
        began = time.perf_counter()
        for _ in range(20):
            conversation.scroll_page_up(animate=False)
            await pilot.pause()
        conversation.scroll_end(animate=False)
        await pilot.pause()
        return streamed, time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LUCI_HOME"] = folder
        asyncio.run(measured(20))  # fills the caches
        rounds = [(asyncio.run(measured(100)), asyncio.run(measured(2000))) for _ in range(ROUNDS)]
    for at, name in enumerate(("stream", "scroll")):
        one, other = (statistics.median(each[which][at] for each in rounds) for which in (0, 1))
        print(f"{name}: 100 messages {one:.2f} s, 2,000 messages {other:.2f} s, ratio {other / one:.2f}")


if __name__ == "__main__":
    main()
