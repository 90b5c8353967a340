"""What many small files say, kept in one: each is read again only when it has changed.

A file whose times prove nothing yet, since it was written a moment ago, is read each time. What is kept may be lost,
damaged, older, or replaced by another process that knew less: then files are read again, and nothing else happens.
"""

from __future__ import annotations

import os
import time

from luci import kept, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_INDEXES = 20  # kept, at most: one a store, and one a folder of memories


def said(folder: str, files: Iterable[str], read: Callable[[str], Any]) -> dict[str, Any]:
    """Return what `read` says of each of the `files`, paths below `folder`: a value of marshal's, or None."""
    place = os.path.join(paths.text("cache"), "indexes", kept.digest(os.fsencode(folder)))
    known = kept.load(place) or {}
    now = time.time_ns()
    found, keep, changed = {}, {}, False
    for file in files:
        stamp = kept.stamp(os.path.join(folder, file))  # before the content: a change in between shows the next time
        entry = known.get(file)
        if not stamp or entry is None or entry[0] != stamp:
            entry = (stamp, read(os.path.join(folder, file)))
            changed |= kept.settled(stamp, now)
        found[file] = entry[1]
        if kept.settled(stamp, now):
            keep[file] = entry
    if changed or keep.keys() != known.keys():
        kept.save(place, keep)
        kept.drop_oldest(os.path.dirname(place), _INDEXES)
    return found
