"""The catalogue of a store: what the record of each environment says, in plain values, without reading each record.

Lists of a thousand environments are made of it, so it imports next to nothing until a record must be read.
"""

from __future__ import annotations

import marshal

from luci.envs import files, indexed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from luci.envs.records import Env


def read(store: str) -> dict[str, dict[str, Any] | None]:
    """Return the entry of each environment of a store by its name, in the order of the names; None for what has no
    record that makes sense here: see luci.envs.records."""
    names = sorted(name for name in files.listing(store) if name.startswith("luci_"))
    said = indexed.said(store, [f"{name}/env.json" for name in names], _of_record)
    return dict(zip(names, said.values(), strict=True))


def _of_record(path: str) -> dict[str, Any] | None:
    from pathlib import Path

    from luci.envs import records

    env = records.read(Path(path).parent)
    return entry(env) if env else None


def entry(env: Env) -> dict[str, Any]:
    """Return an environment in plain values: a few that short lists show and a quick look needs (luci.envs.health),
    and all else in `rest`, which costs nothing until it is asked for."""

    from luci.envs.whole import looked_at
    from luci.values import replace

    try:
        rest = marshal.dumps(_rest(env))
    except ValueError:  # somebody nested it too deeply
        return entry(replace(env, about={}))
    return {
        "root": str(env.root),
        "brief": {
            "key": env.key,
            "name": env.name,
            "python_version": env.version,
            "requirements": list(env.spec.requirements),
            "packages": len(env.installed),
            "kind": env.spec.kind,
            "names": list(env.names),
        },
        "by_hand": env.by_hand,
        "script": env.about.get("script", ""),
        "looked_at": looked_at(env),
        "rest": rest,
    }


def _rest(env: Env) -> dict[str, Any]:
    import shlex

    from luci.values import fields

    spec = {name: getattr(env.spec, name) for name in fields(env.spec)}
    record = {name: getattr(env, name) for name in fields(env) if name not in ("root", "spec")}
    script = env.path / "bin" / "activate"
    activate = f". {shlex.quote(str(script))}" if script.exists() else ""
    return {"spec": spec, "record": record, "shown": {**env.as_dict(), "activate": activate}}


def shown(entry: dict[str, Any]) -> dict[str, Any]:
    """Return all that lists show of an environment and that stays the same while its record does."""
    told: dict[str, Any] = marshal.loads(entry["rest"])["shown"]
    return told


def env_of(entry: dict[str, Any]) -> Env:
    """Return the environment that an entry was made of."""
    from pathlib import Path

    from luci.envs.records import Env
    from luci.envs.spec import EnvSpec

    rest = marshal.loads(entry["rest"])
    return Env(root=Path(entry["root"]), spec=EnvSpec(**rest["spec"]), **rest["record"])
