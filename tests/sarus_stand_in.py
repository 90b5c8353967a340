#!/usr/bin/env python3
"""A stand-in for Sarus, which cannot be installed here: its command line, as far as luci uses it, over bubblewrap.

    sarus load FILE.tar NAME:TAG | images | run [--mount=...] [-w DIR] [-e K=V] [--init] IMAGE COMMAND...

As Sarus does it passes on the variables and the network of the host, lets the image decide PATH, and hands through the
exit code. Images lie in SARUS_STAND_IN.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

IMAGES = Path(os.environ["SARUS_STAND_IN"])
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main() -> None:
    verb, *words = sys.argv[1:]
    {"load": load, "images": images, "run": run}[verb](*words)


def place(name: str) -> Path:
    repository, _, tag = name.partition(":")
    return IMAGES / repository.replace("/", "%") / (tag or "latest")


def load(file: str, name: str) -> None:
    place(name).mkdir(parents=True)
    with tarfile.open(file) as tar:
        tar.extractall(place(name), filter="fully_trusted")


def images() -> None:
    print("REPOSITORY   TAG   DIGEST   CREATED   SIZE   SERVER")
    for folder in sorted(IMAGES.glob("*/*")):
        digest = f"{folder.stat().st_ino:012x}"
        print(f"{folder.parent.name.replace('%', '/')}   {folder.name}   {digest}   2026-01-01T00:00:00   70MB   load")


def run(*words: str) -> None:
    parser = argparse.ArgumentParser(prog="sarus run")
    parser.add_argument("--mount", action="append", default=[])
    parser.add_argument("-w", "--workdir", default="/")
    parser.add_argument("-e", "--env", action="append", default=[])
    parser.add_argument("--init", action="store_true")
    parser.add_argument("image")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args(words)
    root = place(asked.image)
    if not root.is_dir():
        sys.exit(f"Image {asked.image} is not available")
    binds = ["--bind", str(root), "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    for told in asked.mount:
        options = dict(part.partition("=")[::2] for part in told.split(","))
        assert options["type"] == "bind", told
        binds += ["--ro-bind" if "readonly" in options else "--bind", options["source"], options["destination"]]
    environ = {**os.environ, "PATH": PATH, **dict(pair.split("=", 1) for pair in asked.env)}
    bwrap = shutil.which("bwrap") or "bwrap"
    command = [bwrap, "--die-with-parent", *binds, "--chdir", asked.workdir, "--", *asked.command]
    sys.exit(subprocess.run(command, env=environ).returncode)


if __name__ == "__main__":
    main()
