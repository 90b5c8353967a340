"""The command `luci`: a sh script where there is a POSIX shell, an entry point on Windows."""

from __future__ import annotations

import os
import sysconfig
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


class Scripts(MetadataHookInterface):
    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        metadata["scripts"] = {"luci": "luci.__main__:main"} if os.name == "nt" else {}


class Launcher(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        if os.name == "nt":  # its own tag: an installer prefers it there to the one that has no command for Windows
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"
        else:
            build_data["shared_scripts"] = {"luci/launcher.sh": "luci"}
