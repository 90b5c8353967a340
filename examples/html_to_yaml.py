"""Turn the tables of an HTML page into YAML.

    luci run examples/html_to_yaml.py               a page that comes with the script
    luci run examples/html_to_yaml.py saved.html    a page of your own

`bs4` is in the package beautifulsoup4 and `yaml` is in PyYAML: neither is named like what you install.
"""

import sys
from pathlib import Path

import yaml
from bs4 import BeautifulSoup, Tag

PAGE = """
<h1>Planets</h1>
<table>
  <caption>The inner ones</caption>
  <tr><th>name</th><th>moons</th><th>day (hours)</th></tr>
  <tr><td>Mercury</td><td>0</td><td>4222.6</td></tr>
  <tr><td>Venus</td><td>0</td><td>2802.0</td></tr>
  <tr><td>Earth &amp; Moon</td><td>1</td><td>24.0</td></tr>
  <tr><td>Mars</td><td>2</td><td>24.7</td></tr>
</table>
"""


def main() -> None:
    page = Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) > 1 else PAGE
    soup = BeautifulSoup(page, "html.parser")
    tables = {title(table, number): rows(table) for number, table in enumerate(soup.find_all("table"), 1)}
    if not tables:
        sys.exit("There is no table on that page.")
    print(yaml.safe_dump(tables, sort_keys=False, allow_unicode=True), end="")


def title(table: Tag, number: int) -> str:
    caption = table.find("caption")
    return caption.get_text(strip=True) if caption else f"table {number}"


def rows(table: Tag) -> list[dict[str, object]]:
    """Return a mapping for each row; the first row gives the keys."""
    cells = [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")]
    heads, *body = cells or [[]]
    return [dict(zip(heads, map(value, row))) for row in body]


def value(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


if __name__ == "__main__":
    main()
