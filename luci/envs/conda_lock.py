"""A conda environment written as a conda-lock.yml: every package at its file, with its digest, PyPI's among them.

A JSON string is a YAML string.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Generator, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from luci.envs import channels, condas, exports, venvs
from luci.envs.sources import Sources, without_credentials
from luci.envs.store import Env
from luci.envs.terms import Terms
from luci.errors import EnvError
from luci.events import Event


def written(env: Env, sources: Sources, terms: Terms, stop: Callable[[], bool]) -> Generator[Event, None, str]:
    """Return the lock of a conda environment, for its own platform. The files of PyPI's are as the index tells them."""
    records = condas.packages(env.path)
    platform = next((str(r["subdir"]) for r in records if r.get("subdir") not in (None, "noarch")), "noarch")
    packages = [_of_conda(record, platform) for record in records]
    if lines := exports.of_the_index(env):
        text = yield from exports.pylock(env, lines, sources, terms, stop)
        packages += _of_the_index(env, tomllib.loads(text).get("packages", []), platform)
    told = json.dumps([env.spec.channels, packages], sort_keys=True).encode()
    said = ["version: 1", "metadata:", "  content_hash:", f"    {platform}: {hashlib.sha256(told).hexdigest()}"]
    said += ["  channels:"]
    for channel in env.spec.channels:
        said += [f"    - url: {json.dumps(channel)}", "      used_env_vars: []"]
    said += ["  platforms:", f"    - {platform}", "  sources:", f"    - {json.dumps(env.label)}", "package:"]
    return "\n".join([*said, *(f"  - {json.dumps(package)}" for package in packages), ""])


def _of_conda(record: dict[str, Any], platform: str) -> dict[str, Any]:
    needs = (str(need).partition(" ") for need in record.get("depends", ()))
    return {
        "name": record["name"],
        "version": record["version"],
        "manager": "conda",
        "platform": platform,
        "dependencies": {name: limit for name, _, limit in needs},
        "url": channels.shown(str(record.get("url", ""))),
        "hash": {kind: record[kind] for kind in ("md5", "sha256") if record.get(kind)},
        "category": "main",
        "optional": False,
    }


def _of_the_index(env: Env, packages: list[dict[str, Any]], platform: str) -> Iterator[dict[str, Any]]:
    for package in packages:
        name = str(package["name"])
        file = _file(env, package)
        if not file.get("url"):
            raise EnvError(f"The index does not tell where {name} comes from.", hint="--format environment.yml does.")
        yield {
            "name": name,
            "version": package.get("version", env.installed.get(name, "")),
            "manager": "pip",
            "platform": platform,
            "dependencies": {},
            "url": without_credentials(str(file["url"])),
            "hash": {"sha256": file.get("hashes", {}).get("sha256", "")},
            "category": "main",
            "optional": False,
        }


def _file(env: Env, package: dict[str, Any]) -> dict[str, Any]:
    """Return the one of a package's files that is installed: the wheel with its tags, else the source."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    tags = _tags(env, str(package["name"]))
    for wheel in package.get("wheels", ()):
        try:
            if {str(tag) for tag in parse_wheel_filename(_called(wheel))[3]} & tags:
                return dict(wheel)
        except InvalidWheelFilename:
            continue
    return dict(package.get("sdist") or package.get("archive") or {})


def _called(wheel: dict[str, Any]) -> str:
    return str(wheel.get("name") or unquote(urlsplit(str(wheel.get("url", ""))).path.rpartition("/")[2]))


def _tags(env: Env, name: str) -> set[str]:
    from packaging.utils import canonicalize_name

    for folder in venvs.site_packages(env.path).glob("*.dist-info"):
        if canonicalize_name(folder.name.removesuffix(".dist-info").rpartition("-")[0]) == name:
            try:
                text = (folder / "WHEEL").read_text(encoding="utf-8", errors="replace")
            except OSError:
                break
            return {line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("Tag:")}
    return set()
