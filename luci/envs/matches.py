"""A PEP 508 requirement in conda's words, where conda has words for it."""

from __future__ import annotations

from collections.abc import Mapping

# PyPI's name: conda's, where the same name is missing there or means another thing
NAMES: Mapping[str, str] = {
    "torch": "pytorch",
    "opencv-python": "py-opencv",
    "opencv-python-headless": "py-opencv",
    "tables": "pytables",
    "msgpack": "msgpack-python",
    "graphviz": "python-graphviz",
    "pyqt5": "pyqt",
    "xgboost": "py-xgboost",
    "redis": "redis-py",
}


def match_spec(line: str, names: Mapping[str, str] | None = None) -> str:
    """Return a requirement as a match spec, "" where conda cannot say it: extras, markers, addresses, hashes.

    `names` are those that the channels have, by their canonical spelling; without them the name is believed.

    >>> match_spec("numpy<2,>=1.26"), match_spec("requests[socks]"), match_spec("torch", {"pytorch": "pytorch"})
    ('numpy <2,>=1.26', '', 'pytorch')
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        wanted = Requirement(line)
    except InvalidRequirement:  # one with hashes, which are of the files of the package index, among them
        return ""
    if wanted.url or wanted.extras or wanted.marker or any(each.operator == "===" for each in wanted.specifier):
        return ""
    name = str(canonicalize_name(wanted.name))
    name = NAMES.get(name, name)
    if names is not None and name not in names:
        return ""
    spelt = names[name] if names else name
    return f"{spelt} {','.join(sorted(map(str, wanted.specifier)))}".strip()
