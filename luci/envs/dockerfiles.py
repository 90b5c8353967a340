"""A Dockerfile that makes an image with what is installed in an environment, at the same versions."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from luci.envs.store import Env

_PYTHON = "python:{}-slim"
_CONDA = "mambaorg/micromamba"


def dockerfile(env: Env, lines: Sequence[str], conda: Sequence[str] = ()) -> str:
    """Return the text; `lines` are what pip installs, `conda` the match specs of conda packages."""
    said = [f"# {env.label}, Python {env.version}"]
    if env.spec.kind == "conda":
        said += [f"FROM {_CONDA}", "ARG MAMBA_DOCKERFILE_ACTIVATE=1"]
        channels = [f"--channel {shlex.quote(channel)}" for channel in env.spec.channels]
        said += [_run("micromamba install --yes --name base --override-channels", [*channels, *conda])]
    else:
        base = env.spec.base if env.spec.kind in ("docker", "podman", "sarus") else ""
        said += [f"FROM {base or _PYTHON.format('.'.join(env.version.split('.')[:2]))}"]
    if lines:
        said += [_run("python3 -m pip install --no-cache-dir", [*_index(env), *map(shlex.quote, lines)])]
    script = str(env.about.get("script", ""))
    name = script.rpartition("/")[2]
    said += ["WORKDIR /app"]
    if name.endswith((".py", ".pyw")):
        said += [f"COPY {json.dumps([name, './'])}", f"CMD {json.dumps(['python3', name])}"]
    return "\n".join([*said, ""])


def _run(command: str, words: Sequence[str]) -> str:
    return " \\\n    ".join([f"RUN {command}", *words])


def _index(env: Env) -> list[str]:
    """Where pip is to look, as far as the environment's key knows it: without a password, and no folder of here."""
    options = {"index": "--index-url", "extra": "--extra-index-url", "links": "--find-links"}
    told = (line.partition(" ") for line in env.spec.index.splitlines() if "file://" not in line)
    return [f"{options[kind]} {shlex.quote(place)}" for kind, _, place in told if kind in options and "://" in place]
