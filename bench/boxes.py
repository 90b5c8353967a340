"""What a container of luci's costs: a warm run side by side with a bare `docker run` of the same.

    DOCKER_HOST=unix:///... LUCI_CONTAINERS_BASE=NAME python bench/boxes.py [RUNS]

The bar is 1.3 times a bare run. Also: how long each kind takes to create and to start, with one package in it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from luci import config
from luci.envs import backends
from luci.runner import boxes

SCRIPT = "import six\nprint(six.__version__)\n"


def main(runs: int) -> None:
    kinds = [kind for kind in ("venv", *backends.IN_ENGINES) if kind == "venv" or at_hand(kind)]
    with tempfile.TemporaryDirectory() as base:
        folder = f"{base}/project"
        os.mkdir(folder)
        Path(folder, "app.py").write_text(SCRIPT)
        os.environ["LUCI_HOME"] = f"{base}/home"
        luci = str(Path(sys.executable).with_name("luci"))
        for kind in kinds:
            environ = {**os.environ, "LUCI_ENVS_KIND": kind}
            began = time.perf_counter()
            subprocess.run([luci, "run", "app.py"], cwd=folder, env=environ, check=True, capture_output=True)
            first = time.perf_counter() - began
            subprocess.run([luci, "run", "app.py"], cwd=folder, env=environ, check=True, capture_output=True)
            ways = [f"{luci} run app.py", *bare(kind, folder, environ, luci)]
            medians = compared(ways, folder, environ, runs)
            ratio = (
                f", {medians[0] / medians[1]:.2f} times a bare run of {medians[1] * 1000:.0f} ms" if ways[1:] else ""
            )
            print(f"{kind:<8} first run {first:5.1f} s   warm {medians[0] * 1000:5.0f} ms{ratio}")
        for kind in kinds:
            words = [luci, "env", "remove", "--all", "--yes"]
            subprocess.run(words, env={**os.environ, "LUCI_ENVS_KIND": kind}, check=True, capture_output=True)


def at_hand(kind: str) -> bool:
    try:
        return any(python.path for python in boxes.pythons(kind, config.load()))
    except Exception as error:  # noqa: BLE001 (whatever it is, it is told)
        print(f"{kind}: {error}")
        return False


def bare(kind: str, folder: str, environ: dict[str, str], luci: str) -> list[str]:
    """The same image, the same mount, and no luci."""
    if kind not in backends.IN_ENGINES:
        return []
    told = subprocess.run([luci, "env", "show", "app.py", "--json"], cwd=folder, env=environ, capture_output=True)
    image = json.loads(told.stdout)["image"]
    limits = "--ulimit nofile=1024:4096 --ulimit nproc=1024:4096"
    podman = f"podman --remote --url {environ.get('CONTAINER_HOST', '')} run {limits}"
    engine = "docker run" if kind == "docker" else podman
    return [f"{engine} --rm --network none -v {folder}:{folder} -w {folder} {image} python app.py"]


def compared(ways: list[str], folder: str, environ: dict[str, str], runs: int) -> list[float]:
    """Return the medians, in seconds. The ways take turns, so that a noisy machine is noisy to all."""
    took: list[list[float]] = [[] for _ in ways]
    for turn in range(runs + 1):
        for way, times in zip(ways, took, strict=True):
            began = time.perf_counter()
            subprocess.run(way.split(), cwd=folder, env=environ, check=True, capture_output=True)
            times += [time.perf_counter() - began] if turn else []
    return [statistics.median(times) for times in took]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
