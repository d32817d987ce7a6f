"""Airports of the world by IATA or ICAO code, from the tables of `airportsdata`.

Codes that it no longer lists stand in `former_airports.csv`, with where the airport is listed today, the last day of
the code, and the source of that. A code that the list has means what the list says, were it closed or another's once.
"""

import csv
import functools
import importlib.util
import io
import math
import mmap
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from puntual.errors import UnknownAirportError

SHOWN = 40
SUGGESTED = 4
# Three or four letters and digits, not digits alone.
_CODE = re.compile(r"(?=.*[A-Z])[A-Z0-9]{3,4}")
# How each row of the publisher's table begins.
_CODES = re.compile(rb'^"([^"\n]*)","([^"\n]*)",', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Airport:
    """One airport: `code` is its IATA code, or its ICAO code where IATA gives it none.

    Latitude and longitude are degrees, north and east positive; `time_zone` is an IANA name; `country` is ISO
    3166-1 alpha-2.
    """

    code: str
    icao: str
    name: str
    city: str
    country: str
    latitude: float
    longitude: float
    time_zone: str


def find(code: str) -> Airport:
    """Look an airport up by IATA or ICAO code, in any case; a former code gives where the airport is today.

    >>> find("SCEL").code, find("scl").icao, find("SCL").time_zone
    ('SCL', 'SCEL', 'America/Santiago')
    >>> find("SEQU").code
    'UIO'
    >>> find("Atlantis")
    Traceback (most recent call last):
    puntual.errors.UnknownAirportError: airport 'Atlantis' is listed neither by IATA nor by ICAO; ...
    """
    airport = look_up(code)
    if airport is None:
        raise UnknownAirportError(
            f"airport {code[:SHOWN]!r} is listed neither by IATA nor by ICAO; "
            "expected a code such as SCL or SCEL" + _codes_of_city(code)
        )
    return airport


def look_up(code: str) -> Airport | None:
    """Look an airport up as `find` does; None, at no cost, where there is none."""
    wanted = capitals(code)
    listed = _listed(wanted)
    return listed if listed is not None or wanted not in _former() else _listed(_former()[wanted])


def zone_of(code: str, unlisted: Mapping[str, str] = MappingProxyType({})) -> str:
    """Give the time zone of an airport, in the list or among `unlisted`; empty where neither knows it."""
    airport = look_up(code)
    return unlisted.get(code, "") if airport is None else airport.time_zone


def code_of(code: str) -> str:
    """Give the one code that an airport goes by; what only looks like a code, and nobody lists, goes by itself.

    >>> code_of("scel"), code_of("SEQU"), code_of("qqqq")
    ('SCL', 'UIO', 'QQQQ')
    """
    airport = look_up(code)
    if airport is not None:
        return airport.code
    unlisted = capitals(code)
    return unlisted if looks_like_code(unlisted) else find(code).code


def capitals(code: str) -> str:
    """Write a code in capitals; one with letters beyond ASCII, some of whose capitals are not, stays as it is.

    >>> capitals(" scl "), capitals("stra\u00dfe")
    ('SCL', 'stra\u00dfe')
    """
    code = code.strip()
    return code.upper() if code.isascii() else code


def looks_like_code(text: str) -> bool:
    """Tell whether a text in capitals has the shape of an airport's code."""
    return _CODE.fullmatch(text) is not None


def country_of(code: str) -> str | None:
    """Give the country of an airport; None for one that nobody lists."""
    airport = look_up(code)
    return None if airport is None else airport.country


def unlisted_airport(code: str, time_zone: str) -> Airport:
    """Describe an airport that nobody lists: its place and country are not known, its time zone may be empty."""
    return Airport(code, "", "", "", "", math.nan, math.nan, time_zone)


def _listed(code: str) -> Airport | None:
    codes, starts = _starts_by_code()
    # No code has other letters, and a lone surrogate could not even be encoded.
    wanted = code.encode() if code.isascii() else b""
    if not 0 < len(wanted) <= codes.itemsize:
        return None
    # Not `searchsorted`: it lets other threads go on for so short a time that none can, and all but this one starve.
    place = bisect_left(codes, wanted)
    return _airport(int(starts[place])) if place < len(codes) and codes[place] == wanted else None


@functools.cache
def _former() -> dict[str, str]:
    with Path(__file__).with_name("former_airports.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: row["now"] for row in csv.DictReader(file)}


def _codes_of_city(text: str) -> str:
    """Suggest the codes of a city, for whoever wrote its name instead of a code."""
    wanted = text.strip().casefold()
    if wanted.isascii() and wanted.encode() not in _file().read_bytes().lower():
        return ""
    # A file on disk would be asked where it stands once a row, which takes longer than reading it.
    world = _rows(io.BytesIO(_file().read_bytes()), "iata", "city")
    codes = [iata for _, (iata, city) in world if iata and city.casefold() == wanted]
    return f"; did you mean {' or '.join(sorted(codes)[:SUGGESTED])}?" if codes else ""


@functools.lru_cache(maxsize=8_192)
def _airport(start: int) -> Airport:
    content, of_row = _mapped()
    end = content.find(b"\n", start)
    (row,) = csv.reader([content[start : end if end >= 0 else None].decode()])
    icao, iata, name, city, country, latitude, longitude, zone = of_row(row)
    # The publisher leaves the zone of some Antarctic airfields empty.
    return Airport(iata or icao, icao, name, city, country, float(latitude), float(longitude), zone or "UTC")


@functools.cache
def _mapped() -> tuple[mmap.mmap, Callable[[list[str]], tuple[str, ...]]]:
    """Map the publisher's file, whose pages the machine shares and may drop, and say how to read an airport's row."""
    with _file().open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    (header,) = csv.reader([content[: content.find(b"\n")].decode()])
    columns = ("icao", "iata", "name", "city", "country", "lat", "lon", "tz")
    return content, itemgetter(*map(header.index, columns))


@functools.cache
def _starts_by_code() -> tuple[NDArray[np.bytes_], NDArray[np.int32]]:
    """Give all codes in order, and the byte at which the row of each starts.

    The airports themselves would take thirty times the memory, and of them few are asked about.
    """
    starts, codes_of_rows = _coded_rows(_file().read_bytes())
    # Where a code is on both lists, the shorter list is the one that people print, and the first counts.
    listed = np.concatenate([np.array(column, np.bytes_) for column in zip(*codes_of_rows, strict=True)])
    codes, first = np.unique(listed, return_index=True)
    there = codes != b""
    return codes[there], starts[first[there] % len(starts)]


def _coded_rows(content: bytes) -> tuple[NDArray[np.int32], Sequence[tuple[bytes | str, ...]]]:
    """Give the byte at which each row of the publisher's table starts, and its IATA and ICAO codes.

    They are found by the shape that the publisher gives all rows, in half of the time that reading them takes; where a
    row has another shape, they are read as those of any table.
    """
    codes = _CODES.findall(content)
    ends = np.flatnonzero(np.frombuffer(content, np.uint8) == ord("\n"))
    if len(codes) == len(ends) and codes[0] == (b"icao", b"iata"):
        return (ends[:-1] + 1).astype(np.int32), [(iata, icao) for icao, iata in codes[1:]]
    starts, named = zip(*_rows(io.BytesIO(content), "iata", "icao"), strict=True)
    return np.array(starts, np.int32), named


def _rows(file: BinaryIO, *columns: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Give these columns of the publisher's rows, each with the byte at which it starts."""
    table = csv.reader(map(bytes.decode, file))
    of_row = itemgetter(*map(next(table).index, columns))
    start = file.tell()
    for row in table:
        yield start, of_row(row)
        start = file.tell()


@functools.cache
def _file() -> Path:
    """Find the publisher's file, whose own loader takes 150 ms and keeps it all."""
    spec = importlib.util.find_spec("airportsdata")
    if spec is None or spec.origin is None:
        raise UnknownAirportError(
            "no airport can be looked up: airportsdata is not installed; pip install airportsdata"
        )
    return Path(spec.origin).with_name("airports.csv")
