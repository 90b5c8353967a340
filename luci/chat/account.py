"""What came of a request that did not succeed, told by luci from its own facts: what was tried, how far it got, what it
would need. A model may say the same in better words, or something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from luci.values import Value, as_dict, replace

_NETWORK = re.compile(
    r"Network is unreachable|Name or service not known|name resolution|getaddrinfo failed|NameResolutionError"
    r"|Max retries exceeded|ConnectError|ConnectionRefusedError|ConnectionError|URLError|gaierror",
)
_NO_MEMORY = re.compile(r"MemoryError|exit code 137")
_FILE = re.compile(r"(?:FileNotFoundError|PermissionError): \[Errno \d+\] [^:]+: '([^']+)'")


class Attempt(Value):
    """One run. `error` is empty where it went well; `line` of `lines` is where it failed, `output` counts the lines
    that it wrote. `changes` were made by then; `needs` is what luci knows that it lacked."""

    script: str
    error: str = ""
    line: int = 0
    lines: int = 0
    output: int = 0
    started: bool = True
    strategy: str = ""
    changes: int = 0
    needs: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        where = f", line {self.line} of {self.lines}" if self.line else ""
        strategy = f" (strategy: {self.strategy})" if self.strategy else ""
        return f"{self.script}: {self.error or 'it ended well'}{where}{strategy}"

    @property
    def _far(self) -> tuple[bool, bool, int, float]:
        """How far it got: that it ended well, that it started, what it wrote, and how late it failed."""
        return not self.error, self.started, self.output, self.line / self.lines if self.lines else 0.0


class Account(Value):
    """`best` is the attempt that got furthest; `back` changes were made since."""

    tried: tuple[Attempt, ...] = ()
    best: int = 0
    back: int = 0
    needs: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        found = ["tried:", *(f"  {n}. {attempt.told}" for n, attempt in enumerate(self.tried, start=1))]
        if self.best:
            times = f", {self.back} times," if self.back > 1 else ""
            since = f"`luci undo`{times} brings it back" if self.back else "the file is as it was then"
            found.append(f"best: attempt {self.best}, {self._why}; {since}")
        found += ["it would need:", *(f"  - {need}" for need in self.needs)] if self.needs else []
        return found if self.tried else found[1:]

    @property
    def _why(self) -> str:
        best = self.tried[self.best - 1]
        if not best.error:
            return "which ended well"
        if not best.started:
            return "the last one; none could be started"
        wrote = f"{best.output} line{'s' * (best.output != 1)} of output"
        return f"which got furthest ({wrote}{f', failed in line {best.line}' if best.line else ''})"

    def masked(self, masked: Callable[[str], str]) -> Account:
        tried = tuple(replace(one, error=masked(one.error), needs=tuple(map(masked, one.needs))) for one in self.tried)
        return replace(self, tried=tried, needs=tuple(map(masked, self.needs)))

    def as_dict(self) -> dict[str, Any]:
        return {
            "tried": [as_dict(one) for one in self.tried],
            "best": self.best,
            "back": self.back,
            "needs": list(self.needs),
        }


def account(attempts: Sequence[Attempt], changes: int, refused: Sequence[str], needs: Sequence[str]) -> Account:
    """Return what came of attempts. The best is of the script that was tried last, the later one of two that got as
    far. `refused` are the titles of what was not allowed."""
    last = attempts[-1] if attempts else None
    same = [
        (attempt._far, at) for at, attempt in enumerate(attempts, start=1) if last and attempt.script == last.script
    ]
    best = max(same, default=(None, 0))[1]
    back = changes - attempts[best - 1].changes if best else 0
    lacked = last.needs if last and last.error else ()
    told = (*lacked, *(f"a yes to: {title}" for title in refused), *needs)
    return Account(tuple(attempts), best, back, tuple(dict.fromkeys(told)))


def needs_of(error: str, written: str, *, network: bool, seconds: float) -> tuple[str, ...]:
    """Return what a failed run lacked, as far as its words tell.

    >>> needs_of("FileNotFoundError: [Errno 2] No such file or directory: 'a.csv'", "", network=False, seconds=60)
    ('the file a.csv',)
    """
    found = []
    if file := _FILE.search(error):
        found.append(f"the file {file[1]}")
    if not network and _NETWORK.search(error):
        found.append("the network, which it did not have")
    if (variable := re.fullmatch(r"KeyError: '([A-Z][A-Z0-9_]+)'", error)) and "environ" in written:
        found.append(f"the environment variable {variable[1]}, which it does not see")
    if error == "timeout":
        found.append(f"more than {seconds:g} s")
    if _NO_MEMORY.search(error):
        found.append("more memory")
    return tuple(found)
