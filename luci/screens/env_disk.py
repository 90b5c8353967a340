"""One line on the disk: what the environments take of their budget, and what could be had back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.content import Content
from textual.widget import Widget

from luci.units import amount

BAR = 24  # cells, where there is room for all the words


class DiskBar(Widget):
    """Used, reclaimable, wheel cache and budget, as a bar and in words."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "disk--used",
        "disk--reclaimable",
        "disk--over",
        "disk--free",
        "disk--words",
    }

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.told: Mapping[str, Any] = {}

    def show(self, stats: Mapping[str, Any]) -> None:
        """Take the result of `env stats`."""
        self.told = stats
        self.refresh()

    def render(self) -> Content:
        if not self.told:
            return Content.assemble(("Disk  ", "bold"), ("measuring…", self.get_visual_style("disk--words")))
        words = self._words(self.size.width)
        room = min(BAR, self.size.width - words.cell_length - 8)
        bar = self._bar(room) if room >= 6 else Content("")
        return Content.assemble(("Disk  ", "bold"), bar, "  " if bar else "", words)

    def _bar(self, width: int) -> Content:
        used, budget = self.told["bytes"], self.told["budget_bytes"]
        whole = max(used, budget, 1)
        filled = _cells(used, whole, width)
        back = min(filled, _cells(self.told["freed_by_pruning"], whole, width))
        over = "disk--over" if used > budget else "disk--used"
        return Content.assemble(
            ("█" * (filled - back), self.get_visual_style(over)),
            ("▒" * back, self.get_visual_style("disk--reclaimable")),
            ("░" * (width - filled), self.get_visual_style("disk--free")),
        )

    def _words(self, width: int) -> Content:
        told = self.told
        used = f"{amount(told['bytes'])} of {amount(told['budget_bytes'])}"
        back = f"{amount(told['freed_by_pruning'])} reclaimable"
        cache = f"{amount(told['wheel_cache_bytes'])} wheel cache"
        quiet = self.get_visual_style("disk--words")
        dot = (" · ", quiet)
        some = self.get_visual_style("disk--reclaimable") if told["freed_by_pruning"] else quiet
        return Content.assemble(used, dot, (back, some), dot, (cache, quiet))


def _cells(part: float, whole: float, width: int) -> int:
    """Return how many cells a part gets; the smallest part that is not nothing gets one."""
    return min(width, max(1 if part else 0, round(part / whole * width)))
