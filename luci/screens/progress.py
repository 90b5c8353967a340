"""How far work has come, as a bar in a line."""

from __future__ import annotations

from textual.content import Content

BAR = 24  # cells


def bar(done: float, total: float, width: int = BAR) -> Content:
    """Return a bar of `width` cells."""
    full, half = divmod(round(min(1.0, done / total) * width * 2), 2)
    return Content.assemble(("━" * full + "╸" * half, "$primary"), ("━" * (width - full - half), "$foreground 15%"))
