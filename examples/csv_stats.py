"""Describe the columns of a CSV read from standard input.

    luci run examples/csv_stats.py < measurements.csv
    printf 'city,warmth\\nOslo,6\\nRome,16\\n' | luci run examples/csv_stats.py

The script reads its own standard input: luci hands it on untouched.
"""

import csv
import statistics
import sys

from tabulate import tabulate

EXAMPLE = "printf 'city,warmth\\nOslo,6\\nRome,16\\n' | luci run examples/csv_stats.py"


def main() -> None:
    if sys.stdin.isatty():
        sys.exit(f"I read a CSV from standard input. Try:\n\n    {EXAMPLE}\n")
    text = sys.stdin.read()
    rows = list(csv.DictReader(text.splitlines(), dialect=dialect_of(text)))
    if not rows:
        sys.exit("There is no row below the first line.")
    table = [describe(name, [row[name] or "" for row in rows]) for name in rows[0] if name]
    print(tabulate(table, headers="keys", tablefmt="rounded_outline", floatfmt=".4g", missingval=""))
    print("1 row" if len(rows) == 1 else f"{len(rows)} rows")


def dialect_of(text: str) -> type[csv.Dialect]:
    try:
        return csv.Sniffer().sniff(text[:4096], delimiters=",;\t|")
    except csv.Error:
        return csv.excel


def describe(name: str, values: list[str]) -> dict[str, object]:
    """Return what can be said of a column: as numbers if all its values are, else as text."""
    filled = [value.strip() for value in values if value.strip()]
    column: dict[str, object] = {"column": name, "filled": len(filled), "different": len(set(filled))}
    try:
        numbers = [float(value) for value in filled]
    except ValueError:
        return {**column, "most common": statistics.mode(filled)}
    if numbers:
        column |= {"least": min(numbers), "mean": statistics.fmean(numbers), "most": max(numbers)}
    if len(numbers) > 1:
        column["deviation"] = statistics.stdev(numbers)
    return column


if __name__ == "__main__":
    main()
