"""Ask for a birthday and tell the age: a script that talks with whoever runs it.

    luci run examples/birthday.py
"""

from datetime import date

import humanize
from dateutil.parser import ParserError, parse


def main() -> None:
    while True:
        answer = input("When were you born? ")
        try:
            born = parse(answer).date()
        except ParserError:
            print("That is no date that I know; try 10 December 1815.")
        else:
            break
    print(f"You were born on a {born:%A} and are {humanize.naturaldelta(date.today() - born)} old.")


if __name__ == "__main__":
    main()
