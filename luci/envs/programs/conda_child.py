"""What a process of its own does with py-rattler for luci: ask channels what they have, solve, install.

A process, for it can be stopped at any moment, and what is read of a big channel leaves the memory with it. It is asked
by the variable LUCI_CONDA, in JSON, for a channel's address may hold a secret; it answers in lines of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import rattler
from rattler.exceptions import GatewayError, SolverError
from rattler.repo_data.gateway import Gateway, SourceConfig

if TYPE_CHECKING:
    from rattler import RepoDataRecord, Subdir


def main() -> None:
    asked = json.loads(os.environ.pop("LUCI_CONDA"))
    try:
        answer = asyncio.run({"have": _have, "solve": _solve, "install": _install}[asked["do"]](asked))
    except SolverError as error:
        _say({"failed": "unsolvable", "cause": str(error)})
    except GatewayError as error:
        _say({"failed": "network", "cause": str(error)})
    except Exception as error:  # noqa: BLE001 py-rattler has forty kinds; luci tells them by their words
        _say({"failed": "other", "cause": str(error) or type(error).__name__})
    else:
        _say(answer)
    os._exit(0)  # py-rattler's threads may still run, and would meet a Python that is being taken down


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _gateway(asked: dict[str, Any]) -> Gateway:
    offline = SourceConfig(cache_action="force-cache-only")
    return Gateway(cache_dir=asked["cache"], default_config=offline if asked["offline"] else None)


def _platforms() -> list[Subdir]:
    return [rattler.Subdir.current(), rattler.Subdir("noarch")]


async def _have(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the names of all packages, and the versions of Python, the newest first."""
    gateway = _gateway(asked)
    names = await gateway.names(asked["channels"], _platforms(), channel_relations="disabled")
    found = await gateway.query(
        asked["channels"], _platforms(), ["python"], recursive=False, channel_relations="disabled"
    )
    pythons = {record.version for channel in found for record in channel}
    newest = [str(version) for version in sorted(pythons, reverse=True)]
    return {"names": [name.normalized for name in names], "pythons": newest}


async def _solved(asked: dict[str, Any]) -> list[RepoDataRecord]:
    return await rattler.solve(
        sources=asked["channels"],
        specs=asked["specs"],
        constraints=asked["constraints"],
        gateway=_gateway(asked),
        virtual_packages=rattler.VirtualPackage.detect(),
        channel_relations="disabled",
    )


async def _solve(asked: dict[str, Any]) -> dict[str, Any]:
    """Return name, version, build of each package, and whether it is for a Python."""
    records = await _solved(asked)
    return {"solved": [[r.name.normalized, str(r.version), str(r.build), _is_for_python(r)] for r in records]}


def _is_for_python(record: RepoDataRecord) -> bool:
    return any(str(need).split()[0] in ("python", "python_abi") for need in record.depends)


async def _install(asked: dict[str, Any]) -> dict[str, Any]:
    records = await _solved(asked)
    await rattler.install(
        records,
        target_prefix=asked["folder"],
        cache_dir=asked["packages"],
        show_progress=False,
        reporter=_Told(records),
    )
    return {"installed": len(records)}


class _Told:
    """Says which package is being linked: py-rattler calls it by these names."""

    def __init__(self, records: list[RepoDataRecord]) -> None:
        self.total = len(records)
        self.done = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("on_"):
            return lambda *_, **__: 0
        raise AttributeError(name)

    def on_link_start(self, operation: int, package_name: str) -> int:
        self.done += 1
        _say({"linking": package_name, "number": self.done, "of": self.total})
        return 0


if __name__ == "__main__":
    main()
