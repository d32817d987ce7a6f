"""Codes of airports as tables write them → the one code of each; a code that nobody lists stands for itself."""

import re
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from puntual.errors import MapError, UnknownAirportError
from puntual.flights import airports
from puntual.sources.messages import shown
from puntual.sources.parsing import read_text
from puntual.sources.raw_table import RawTable

NOTED_AIRPORTS = 20
# The United States number their airports, and tables that are derived from theirs hold numbers in places.
IDS_FILE = "T_MASTER_CORD.csv"
_ID = re.compile(r"1[0-9]{4}")
_IDS = (
    "a number such as this is an airport's id at the US Department of Transportation: put its table "
    f"{IDS_FILE} beside the file (--source bts)"
)


@dataclass(frozen=True, slots=True)
class OwnAirports:
    """What a map says of airports: which listed code its own codes stand for, and the time zones of unlisted ones."""

    aliases: Mapping[str, str] = field(default_factory=dict)
    time_zones: Mapping[str, str] = field(default_factory=dict)


def read_own_airports(entries: Mapping[str, Any], name: str) -> OwnAirports:
    """Read the section [airports] of a map; `name` is how messages call it. Raise MapError for what means nothing."""
    aliases, zones = {}, {}
    for key, value in entries.items():
        code = key.strip().upper()
        if isinstance(value, dict):
            zones[code] = _time_zone(code, value, name)
        else:
            aliases[code] = _alias(key, value, name)
    return OwnAirports(aliases, zones)


def _alias(key: str, value: object, name: str) -> str:
    try:
        return airports.find(str(value)).code
    except UnknownAirportError as failure:
        raise MapError(f"{name}: {shown(key)} = {shown(value)}: {failure}; correct the alias") from None


def _time_zone(code: str, value: Mapping[str, Any], name: str) -> str:
    zone = value.get("time_zone")
    if set(value) != {"time_zone"} or zone not in zoneinfo.available_timezones():
        raise MapError(
            f"{name}: {shown(code)} = {shown(value)}; expected a listed code, or {{ time_zone = "
            '"America/Santiago" } with a zone of the IANA; correct it'
        )
    if not airports.looks_like_code(code) or airports.look_up(code) is not None:
        raise MapError(
            f"{name}: {shown(code)} has a time zone; expected a code of three or four letters and digits that "
            "neither IATA nor ICAO lists; remove it, or give an alias for a listed one"
        )
    return str(zone)


def read_airports(
    raw: RawTable, column: str, own: OwnAirports, *, required: bool = True, origin: bool = False
) -> pl.Series:
    """Read IATA or ICAO codes as canonical codes; one that nobody lists is kept, but as an origin needs a time zone."""
    written = read_text(raw, column, required=required)
    codes = written.drop_nulls().unique(maintain_order=True)
    canonical = {
        code: one for code in codes if (one := _known(airports.capitals(code), own, origin)) is not None
    }
    known = written.replace_strict(canonical, default=None, return_dtype=pl.String)

    def describe(value: str | None) -> str:
        # Only for those that a message names: the codes of a city are looked for in the whole list.
        try:
            return code_of(airports.capitals(str(value)), own, origin=origin, has_map=raw.has_map)
        except UnknownAirportError as failure:
            return str(failure)

    raw.mark_as(
        UnknownAirportError,
        column,
        written.is_not_null() & known.is_null(),
        f"column {shown(column)} holds airports that are listed neither by IATA nor by ICAO",
        describe,
    )
    return known


def _known(code: str, own: OwnAirports, origin: bool) -> str | None:
    """Give the canonical code of an airport; None for no code, or an origin whose zone is not known."""
    written = own.aliases.get(code, code)
    airport = airports.look_up(written)
    if airport is not None:
        return airport.code
    unlisted = airports.capitals(written)
    return (
        unlisted
        if airports.looks_like_code(unlisted) and (not origin or unlisted in own.time_zones)
        else None
    )


def code_of(code: str, own: OwnAirports, *, origin: bool = False, has_map: bool = True) -> str:
    """Give the canonical code of an airport; raise UnknownAirportError for no code, or an origin without a zone."""
    try:
        canonical = airports.code_of(own.aliases.get(code, code))
    except UnknownAirportError as failure:
        raise UnknownAirportError(
            f"{failure}; {_IDS if _ID.fullmatch(code) else 'correct it'}, or give an alias under [airports] in a map"
        ) from None
    if origin and canonical not in own.time_zones and airports.look_up(canonical) is None:
        place = (
            "in a map (--map FILE.toml)" if has_map else "in a map, and read the table with --source table"
        )
        raise UnknownAirportError(
            f"airport {canonical!r} is listed neither by IATA nor by ICAO, so its time zone is not known; expected "
            f'a listed origin, or the zone of this one; write {canonical} = {{ time_zone = "America/Santiago" }}, '
            f'for one, or an alias such as "SCL", under [airports] {place}'
        )
    return canonical


def zones_of(codes: pl.Series, time_zones: Mapping[str, str]) -> pl.Series:
    """Give the IANA time zone of each airport; null for one that neither the list nor `time_zones` holds."""
    known = codes.drop_nulls().unique().to_list()
    zones = {code: airport.time_zone for code in known if (airport := airports.look_up(code)) is not None}
    return codes.replace_strict(dict(time_zones) | zones, default=None, return_dtype=pl.String)


def unlisted_codes(codes: Iterable[str | None]) -> list[str]:
    """Name the airports that nobody lists, in order."""
    return sorted({code for code in codes if code is not None and airports.look_up(code) is None})
