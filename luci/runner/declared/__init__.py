"""What a script or its project declares.

    inline(text)        the script's PEP 723 block: alone and complete
    beside(script)      a lock beside the script: alone and complete
    project(folder)     what the project's files say of versions, extras and markers; never complete

Of the project's files the first that names a distribution wins, and its lines for that name are taken together:
`pylock.toml`, `pyproject.toml` [project], then poetry's table, `requirements.txt`, the other `requirements*.txt`, and
last what is optional (extras, dependency groups). For conda speak a conda-lock.yml, an explicit list, pixi's files and
an environment.yml. Markers stay on the lines, for the installer to evaluate.
"""

from luci.runner.declared.block import inline
from luci.runner.declared.environment import names as for_conda
from luci.runner.declared.locks import beside, outdated, pylock
from luci.runner.declared.locks import names as lock_names
from luci.runner.declared.projects import project, project_root
from luci.runner.declared.values import Declarations, Declared, IndexChoice, has_control_characters

__all__ = [
    "Declarations",
    "Declared",
    "IndexChoice",
    "beside",
    "for_conda",
    "has_control_characters",
    "inline",
    "lock_names",
    "outdated",
    "project",
    "project_root",
    "pylock",
]
