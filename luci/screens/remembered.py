"""What is typed, kept from one day to the next without the secrets in it."""

from __future__ import annotations

from pathlib import Path

from luci import typed


def remember(text: str) -> None:
    """Keep a line. Of files with secrets only those of the working folder itself are looked at: a person waits."""
    from luci.chat.secrets import known  # with its patterns, which the first paint does without

    typed.add(known(Path.cwd(), deep=0).masked(text))
