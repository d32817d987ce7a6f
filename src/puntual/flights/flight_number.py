"""One way to write a flight number, so that a flight is the same one in every table and request."""

import re

# Numbers that are written so already; the rest are looked at one by one.
CLEAN = re.compile("^(?:0|[1-9][0-9]*[A-Z]?)$")
_NUMBER = re.compile(r"0*([0-9]+)(?:\.0+|([A-Z]?))")


def clean_flight_number(written: str, airline: str | None = None) -> str:
    """Write a flight number without leading zeros, a float's `.0` and the code of its own airline in front.

    What is no number so written, such as that of another airline's code, stays as it is.

    >>> [clean_flight_number(written, "B6") for written in ("0527", "527.0", "B6527", "b6 0527", "989P", "AA527")]
    ['527', '527', '527', '527', '989P', 'AA527']
    """
    written = written.strip()
    if written.isdigit() and written[0] != "0":
        return written
    number = written.upper()
    match = _NUMBER.fullmatch(number) or _NUMBER.fullmatch(_without(airline or "", number))
    return match[1] + (match[2] or "") if match else written


def _without(airline: str, number: str) -> str:
    """Take an airline's own code off the front, unless it might be digits of the number."""
    code = airline.strip().upper()
    if len(code) < 2 or code.isdigit() or not number.startswith(code):
        return number
    return number.removeprefix(code).lstrip(" -")
