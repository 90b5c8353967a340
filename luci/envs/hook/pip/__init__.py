"""What stands for pip in an environment of luci: what is asked for goes to luci's next plan, not into shared files."""
# mypy: ignore-errors
# ruff: noqa: RUF005, T201, UP010, UP024, UP031, UP036
# This folder is data: it is copied into environments, and is imported by Python 2.7 as well.

from __future__ import print_function

import json
import os
import subprocess
import sys

__version__ = "0+luci"

QUIET = {
    "-q", "--quiet", "-v", "--verbose", "-U", "--upgrade", "--user", "--no-cache-dir", "--no-input",
    "--disable-pip-version-check", "--no-python-version-warning", "--no-warn-script-location",
    "--no-warn-conflicts", "--break-system-packages", "--prefer-binary", "--no-color",
}  # fmt: skip
QUIET_WITH_VALUE = ("--progress-bar", "--root-user-action", "--upgrade-strategy", "--timeout", "--retries")
USAGE = "luci's pip knows: install REQUIREMENT... [-r FILE], list, freeze, show NAME..., --version"


class Unknown(Exception):
    """Something only the real pip can do."""


def main(args=None):
    """Do what the words after `pip` ask for; returns the exit code, as the real one does."""
    try:
        words = _without_quiet(list(sys.argv[1:] if args is None else args))
        command, rest = (words[0], words[1:]) if words else ("help", [])
        if command not in COMMANDS:
            raise Unknown("cannot " + command)
        return COMMANDS[command](rest)
    except (Unknown, IOError) as error:
        print("error: luci's pip %s" % error, file=sys.stderr)
        print("hint: %s" % USAGE, file=sys.stderr)
        return 2


def _without_quiet(words):
    """Leave out the options that change nothing here."""
    kept = []
    while words:
        word = words.pop(0)
        short = word[:1] == "-" and word[:2] != "--" and len(word) > 1 and set(word[1:]) <= set("qvU")
        if word in QUIET_WITH_VALUE and words:
            words.pop(0)
        elif not short and word not in QUIET and not word.startswith(tuple(name + "=" for name in QUIET_WITH_VALUE)):
            kept.append(word)
    return kept


def install(words):
    """Ask luci for the requirements. The environment stays as it is: it may be in use by others."""
    wanted = _requirements(words)
    if not wanted:
        raise Unknown("was given nothing to install")
    missing = [line for line in wanted if not _is_there(line)]
    for line in wanted:
        if line not in missing:
            print("Requirement already satisfied: " + line)
    if not missing:
        return 0
    with open(os.path.join(sys.prefix, "luci-command.json")) as file:
        need = [word if isinstance(word, str) else word.encode("utf-8") for word in json.load(file)["need"]]
    sys.stdout.flush()
    return subprocess.call(need + missing)


def _requirements(words):
    lines = []
    while words:
        word = words.pop(0)
        if word in ("-r", "--requirement") and words:
            lines += _file_lines(words.pop(0))
        elif word.startswith("--requirement="):
            lines += _file_lines(word.partition("=")[2])
        elif word.startswith("-r") and len(word) > 2:
            lines += _file_lines(word[2:])
        else:
            lines.append(_checked(word))
    return lines


def _file_lines(path, within=()):
    """Return a requirements file's requirements; `within` are the files that include it."""
    path = os.path.abspath(path)
    if path in within:
        return []
    with open(path) as file:
        text = file.read().replace("\\\n", " ")
    lines = []
    for line in text.splitlines():
        line = line.split(" #")[0].split(" --hash")[0].strip()
        first, _, rest = line.partition(" ")
        if first in ("-r", "--requirement"):
            lines += _file_lines(os.path.join(os.path.dirname(path), rest.strip()), within + (path,))
        elif line and not line.startswith("#"):
            lines.append(_checked(line))
    return lines


def _checked(line):
    """Return a requirement by name; an option, a path or an address is for the real pip."""
    if line.startswith("-"):
        raise Unknown("does not know the option " + line)
    if line[:1] in (".", "/", "~") or "/" in line.partition(";")[0] or "\\" in line or line.endswith((".whl", ".gz")):
        raise Unknown("installs by name only, not " + line)
    return line


def _is_there(line):
    """Whether a bare name is installed; what asks for more than that is for luci to judge."""
    if not line.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return False
    return _canonical(line) in {_canonical(name) for name, _ in _installed()}


def _canonical(name):
    return name.lower().replace("_", "-").replace(".", "-")


def _metadata():
    try:
        from importlib import metadata
    except ImportError:
        raise Unknown("needs Python 3.8 or later for that")  # noqa: B904
    return metadata


def _installed():
    if sys.version_info < (3, 8):
        return []
    found = {(each.metadata["Name"], each.version) for each in _metadata().distributions()}
    return sorted(((name, version) for name, version in found if name), key=lambda pair: pair[0].lower())


def listing(words):
    _metadata()
    pairs = _installed()
    if "--format=json" in words or words[:2] == ["--format", "json"]:
        print(json.dumps([{"name": name, "version": version} for name, version in pairs]))
    elif "--format=freeze" in words or words[:2] == ["--format", "freeze"]:
        return freeze([])
    elif words:
        raise Unknown("does not know `list %s`" % " ".join(words))
    else:
        rows = [("Package", "Version")] + pairs
        width, other = (max(len(row[column]) for row in rows) for column in (0, 1))
        for name, version in rows[:1] + [("-" * width, "-" * other)] + pairs:
            print((name.ljust(width) + " " + version).rstrip())
    return 0


def freeze(words):
    if words:
        raise Unknown("does not know `freeze %s`" % " ".join(words))
    _metadata()
    for name, version in _installed():
        print(name + "==" + version)
    return 0


def show(words):
    there = {_canonical(each.metadata["Name"] or ""): each for each in _metadata().distributions()}
    found = [there[_canonical(name)] for name in words if _canonical(name) in there]
    for name in words:
        if _canonical(name) not in there:
            print("WARNING: Package(s) not found: " + name, file=sys.stderr)
    for each in found:
        if each is not found[0]:
            print("---")
        for field in ("Name", "Version", "Summary", "Home-page", "Author", "Author-email", "License"):
            print("%s: %s" % (field, each.metadata[field] or ""))
        print("Location: %s" % each.locate_file(""))
        print("Requires: %s" % ", ".join(each.requires or []))
    return 0 if found else 1


def version(words):
    place = os.path.dirname(os.path.abspath(__file__))
    print("pip %s from %s (python %d.%d), luci's shim" % ((__version__, place) + sys.version_info[:2]))
    return 0


def usage(words):
    print(USAGE)
    return 0


COMMANDS = {
    "install": install,
    "list": listing,
    "freeze": freeze,
    "show": show,
    "--version": version,
    "-V": version,
    "help": usage,
    "--help": usage,
    "-h": usage,
}
