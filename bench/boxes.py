"""What each kind of environment costs to create and to start, with one package in it.

    DOCKER_HOST=unix:///... LUCI_CONTAINERS_BASE=NAME python bench/boxes.py [RUNS]

A warm run in a container is compared with a bare `docker run` of the same, and the bar is 1.3 times that; a warm conda
run with a venv's of the same Python, and the bar is that they are the same. The conda channel is made here, of this
Python (it needs patchelf).
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
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
    kinds = ["venv", *(kind for kind in ("conda", *backends.IN_ENGINES) if at_hand(kind))]
    with tempfile.TemporaryDirectory() as base:
        luci = str(Path(sys.executable).with_name("luci"))
        environs = {kind: {**os.environ, "LUCI_HOME": f"{base}/{kind}"} for kind in kinds}
        ways: dict[str, list[str]] = {}
        for kind, environ in environs.items():
            folder = Path(base, f"project-{kind}")
            folder.mkdir()
            (folder / "app.py").write_text(SCRIPT)
            configure(Path(base), kind)
            began = time.perf_counter()
            subprocess.run([luci, "run", "app.py"], cwd=folder, env=environ, check=True, capture_output=True)
            print(f"{kind:<8} first run {time.perf_counter() - began:5.1f} s")
            subprocess.run([luci, "run", "app.py"], cwd=folder, env=environ, check=True, capture_output=True)
            ways[kind] = [f"{luci} run {folder}/app.py", *bare(kind, str(folder), environ, luci)]
        if "conda" in kinds:
            venv, conda = compared(
                [ways["venv"][0], ways["conda"][0]], base, [environs["venv"], environs["conda"]], runs
            )
            print(f"conda    warm {conda * 1000:5.0f} ms, {conda / venv:.2f} times a venv's of {venv * 1000:.0f} ms")
        for kind in (kind for kind in kinds if kind in backends.IN_ENGINES):
            warm, own = compared(ways[kind], f"{base}/project-{kind}", [environs[kind]] * 2, runs)
            print(f"{kind:<8} warm {warm * 1000:5.0f} ms, {warm / own:.2f} times a bare run of {own * 1000:.0f} ms")
            words = [luci, "env", "remove", "--all", "--yes"]
            subprocess.run(words, env=environs[kind], check=True, capture_output=True)


def configure(base: Path, kind: str) -> None:
    """In a file, as a person would: variables would keep a run off the shortest way."""
    said = {"run": f'python = "{sys.base_prefix}/bin/python3"' if kind == "venv" else "", "envs": f'kind = "{kind}"'}
    if kind == "conda":
        sys.path.append(str(Path(__file__).parents[1]))
        from tests.conda_channel import CondaChannel

        channel = CondaChannel(base / "channel")
        channel.add_python(base / "stage")
        channel.index()
        said["conda"] = f'channels = ["{channel.url}"]'
    file = base / kind / "config" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("".join(f"[{table}]\n{line}\n" for table, line in said.items()))


def at_hand(kind: str) -> bool:
    if kind == "conda":
        return bool(importlib.util.find_spec("rattler") and shutil.which("patchelf"))
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


def compared(ways: list[str], folder: str, environs: list[dict[str, str]], runs: int) -> list[float]:
    """Return the medians, in seconds. The ways take turns, so that a noisy machine is noisy to all."""
    took: list[list[float]] = [[] for _ in ways]
    for turn in range(runs + 1):
        for way, environ, times in zip(ways, environs, took, strict=True):
            began = time.perf_counter()
            subprocess.run(way.split(), cwd=folder, env=environ, check=True, capture_output=True)
            times += [time.perf_counter() - began] if turn else []
    return [statistics.median(times) for times in took]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
