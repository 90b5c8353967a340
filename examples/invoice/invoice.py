"""Write an invoice as text, from a template, with its totals.

    luci run examples/invoice/invoice.py
    luci run examples/invoice/invoice.py "Ada Lovelace" "Analytical engine:1:950" "Punched cards:500:0.12"

`money` is a module beside this script: luci follows it and finds that it imports `babel`, which must be installed
too. `jinja2` is needed here.
"""

import sys
from datetime import date, timedelta

from jinja2 import Environment, StrictUndefined

import money

TEMPLATE = """\
INVOICE                                {{ day.isoformat() }}
For {{ customer }}
{{ "-" * 60 }}
{% for line in lines -%}
{{ "%-30s"|format(line.what) }}{{ "%8s"|format(line.count) }}{{ "%22s"|format(line.amount|money) }}
{% endfor -%}
{{ "-" * 60 }}
{{ "%-38s%22s"|format("VAT 20 %", vat|money) }}
{{ "%-38s%22s"|format("TOTAL", total|money) }}

Please pay by {{ due.isoformat() }}.
"""
EXAMPLE = ["Design of a logo:1:480", "Business cards:250:0.18", "Delivery:1:9.50"]


def main() -> None:
    customer = sys.argv[1] if len(sys.argv) > 1 else "The Corner Bakery"
    try:
        lines = [money.Line.parse(text) for text in sys.argv[2:] or EXAMPLE]
    except ValueError as error:
        sys.exit(f"A line is written what:count:price ({error}).")
    net = sum(line.amount for line in lines)
    vat = money.cents(net / 5)
    environment = Environment(undefined=StrictUndefined)
    environment.filters["money"] = money.shown
    today = date.today()
    page = environment.from_string(TEMPLATE).render(
        customer=customer, lines=lines, vat=vat, total=net + vat, day=today, due=today + timedelta(days=30)
    )
    print(page)


if __name__ == "__main__":
    main()
