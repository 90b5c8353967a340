"""Everything that is known of one environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from luci import runs
from luci.actions import rows
from luci.envs import backends, catalogue, files, trees, uses
from luci.envs.store import Env, fault, generations, weighed
from luci.errors import EnvError

RUNS = 20  # at most, of those that used an environment


def shown(env: Env, scripts: Mapping[str, list[str]]) -> dict[str, Any]:
    about = rows.row(catalogue.entry(env), scripts)
    image, bytes_of_it = backends.of(env.spec.kind).elsewhere(env.path)
    freed = weighed(env)[1]
    told = {"fault": fault(env), "in_use_by": uses.users(env.root), "freed_by_removing": freed}
    return {**about, **told, "image": image, "image_bytes": bytes_of_it}


def inspected(env: Env, scripts: Mapping[str, list[str]]) -> dict[str, Any]:
    """Everything that is known of an environment: what `shown` tells, its tree, its runs, its record, its files."""
    try:
        tree = trees.tree(env)
    except EnvError:  # it is broken, and `fault` says how
        tree = []
    record = env.root / "env.json"
    return {
        **shown(env, scripts),
        "tree": [node.as_dict() for node in tree],
        "runs": [run.as_dict() for run in runs.all_of_them() if run.env_key == env.key][:RUNS],
        "bytes": weighed(env)[0],
        "generations": generations(env.root),
        "record": files.read_json(record),
        "record_path": str(record),
    }
