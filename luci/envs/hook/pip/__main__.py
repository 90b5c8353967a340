"""`python -m pip` inside an environment of luci."""
# mypy: ignore-errors

import sys

from pip import main

sys.exit(main())
