"""An index that fails at each step: few tries, a clear refusal; what is there runs, and all is well when it is well."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.package_index import Fault
from tests.torture.ground import Ground, Trial

EARLIER = ("earlier.py", "import bilby.deep\nprint(bilby.deep.value)\n", "1")
GUESSED = ("guessed.py", "import quokka\nprint(quokka.hop())\n", "hop")  # luci asks the index, then its installer
TOLD = ("told.py", '# /// script\n# dependencies = ["wombat"]\n# ///\nimport wombat\nprint(wombat.dig())\n', "dig")
SETTINGS = "timeout_seconds = {timeout}\ntries = {tries}\nfresh_seconds = 0\n"
ROUNDS = 31  # requests in a redirect loop until it is given up

STEPS = {"the page of a project": "/simple/*", "metadata": "*.metadata", "a wheel": "*.whl"}


@dataclass(frozen=True)
class Illness:
    fault: Fault
    retry_after: str | None = None


ILLNESSES = {
    "404": Illness(404),
    "429": Illness(429),
    "429, in a second": Illness(429, "1"),
    "429, in a day": Illness(429, "86400"),
    "500": Illness(500),
    "half a body": Illness("half"),
    "other bytes": Illness("garbled"),
    "a redirect loop": Illness("redirect-loop"),
    "no answer": Illness("hang"),
    "half, then nothing": Illness("pause"),
    "it hangs up": Illness("close"),
}


def failing(ground: Ground, cases: Sequence[tuple[str, str]] | None = None, tries: int = 2) -> Iterator[Trial]:
    """Let each step of an index fail in each way, for scripts that are new and for one that has its environment."""
    for step, name in cases or [(step, name) for step in STEPS for name in ILLNESSES]:
        yield Trial("an index that fails", f"{step}: {name}", tuple(_failing(ground, step, ILLNESSES[name], tries)))


@contextlib.contextmanager
def _settings(ground: Ground, tries: int, timeout: float) -> Iterator[None]:
    config = ground.home / "config" / "config.toml"
    before = config.read_text()
    config.write_text(before + SETTINGS.format(tries=tries, timeout=timeout))
    try:
        yield
    finally:
        config.write_text(before)


def _failing(ground: Ground, step: str, illness: Illness, tries: int) -> Iterator[str]:
    ground.index.recover()
    ground.forget(wheels=True)
    for name, source, _ in (EARLIER, GUESSED, TOLD):
        ground.write(name, source)
    yield from ground.luci("run", EARLIER[0]).works(EARLIER[2])
    for folder in ("uv-cache", "home/cache/index"):
        ground.empty(folder)  # or nobody would ask the index again
    ground.index.fail(STEPS[step], illness.fault, retry_after=illness.retry_after)
    knows_none = (STEPS[step], illness.fault) == ("/simple/*", 404)  # that says that there is no such project
    with _settings(ground, tries, 0.5 if illness.fault in ("hang", "pause") else 15):
        yield from _ill(ground, illness, knows_none, tries)
    ground.index.recover()
    yield from ground.luci("run", GUESSED[0]).works(GUESSED[2])
    yield from ground.luci("run", TOLD[0]).works(TOLD[2])
    yield from ground.unsound(4 if knows_none else 3)


def _ill(ground: Ground, illness: Illness, knows_none: bool, tries: int) -> Iterator[str]:
    """Run what is new and what is not, while the index is ill."""
    if knows_none:
        guessed = ground.luci("run", GUESSED[0])
        yield from [] if guessed.code == 1 and "Nothing was found that provides" in guessed.err else [str(guessed)]
    else:
        yield from _refused(ground, illness, GUESSED[0], tries)
    yield from _refused(ground, illness, TOLD[0], tries)
    yield from ground.luci("run", EARLIER[0]).works(EARLIER[2])
    (ground.project / EARLIER[0]).write_text(f"# looked at again\n{EARLIER[1]}")  # is planned anew
    yield from ground.luci("run", EARLIER[0]).works(EARLIER[2])
    yield from ground.luci("env", "rebuild", EARLIER[0]).refuses(125)
    yield from ground.luci("run", "--retry", "never", EARLIER[0]).works(EARLIER[2])
    yield from ground.swept()
    yield from ground.unsound(2 if knows_none else 1)


def _refused(ground: Ground, illness: Illness, script: str, tries: int) -> Iterator[str]:
    """It is refused after few requests, with a hint."""
    ground.index.requests.clear()
    done = ground.luci("run", script)
    yield from done.refuses(125)
    if "hint: " not in done.err:
        yield f"no hint: {done}"
    asked = ground.index.requests
    most = max((asked.count(path) for path in asked), default=0)
    if most > (ROUNDS if illness.fault == "redirect-loop" else 4) * tries:
        yield f"{most} requests for one thing: {done}"
