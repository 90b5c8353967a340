# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "python-dateutil>=2.9",
#     "tabulate>=0.9",
# ]
# ///
"""List the Friday the 13ths to come.

    luci run examples/declared.py        the next ten
    luci run examples/declared.py 25     the next twenty-five

The block above is PEP 723 metadata. It is alone and complete: luci installs what it says and guesses nothing,
and `uv run` and `pipx run` read it the same way.
"""

import sys
from datetime import datetime

from dateutil.relativedelta import relativedelta
from dateutil.rrule import FR, MONTHLY, rrule
from tabulate import tabulate


def main() -> None:
    count = sys.argv[1] if len(sys.argv) > 1 else "10"
    if not count.isdigit() or not 0 < int(count) <= 1000:
        sys.exit("How many? A number from 1 to 1000.")
    today = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
    days = rrule(MONTHLY, byweekday=FR, bymonthday=13, dtstart=today, count=int(count))
    print(tabulate([(f"{day:%d %B %Y}", distance(today, day)) for day in days], headers=["Friday the 13th", "in"]))


def distance(start: datetime, end: datetime) -> str:
    """Return the time between two days in words, such as "1 year 2 months"."""
    delta = relativedelta(end, start)
    parts = [(delta.years, "year"), (delta.months, "month"), (delta.days, "day")]
    return " ".join(f"{n} {unit}{'s' * (n > 1)}" for n, unit in parts if n) or "today"


if __name__ == "__main__":
    main()
