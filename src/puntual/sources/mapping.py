"""A map of columns in TOML → a TableMap; what it cannot mean, and any outcome among its features, is refused.

[flights]                           # what the timetable says; the first three are required
origin = { constant = "SCL" }       # or a column
destination = "to"
scheduled_departure = { date = "day", time = "std" }   # or one column that holds both
airline = "carrier"                 # without a column it is unknown, and so is the flight_number
flight_number = "number"
scheduled_arrival = { time = "sta" }                   # the first such time after departure, or as above
aircraft = "type"
tail = "registration"
[operation]                         # what happened; without it the table can be predicted, not learnt from
departed = "atd"                    # or delay_minutes = "delay"
cancelled = "called_off"
arrived = "ata"                     # by the clocks there
diverted = "came_down_elsewhere"    # whoever left and never arrived
[weather]                           # a table beside this one, of which every measure may be missing
file = "weather.csv"
airport = { constant = "SCL" }      # or a column
observed = "time"                   # by the clocks there
[rules]                             # all optional
late = ">=15"
bad_rows = "refuse"                 # or "leave_out"
[airports]                          # codes that IATA and ICAO do not list
XYZ = "SCL"                         # another name for a listed one
ABC = { time_zone = "America/Santiago" }               # an airport of its own, with the zone of its clocks
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from puntual.errors import MapError, OutcomeAsFeatureError, TableError, did_you_mean
from puntual.flights.flight import LateRule
from puntual.flights.operations import MEASURES
from puntual.sources.airport_codes import OwnAirports, read_own_airports
from puntual.sources.faults import BadRows
from puntual.sources.files import read_bytes
from puntual.sources.leakage import tells_outcome
from puntual.sources.messages import shown
from puntual.sources.validation import Duplicates


@dataclass(frozen=True, slots=True)
class From:
    """Where a field comes from: a column, a date and a time column, a time column, or one text for all."""

    column: str | None = None
    constant: str | None = None
    date: str | None = None
    time: str | None = None
    year: str | None = None
    month: str | None = None
    day: str | None = None

    def columns(self) -> list[str]:
        """Name the columns that are read."""
        names = (self.column, self.year, self.month, self.day, self.date, self.time)
        return [name for name in names if name is not None]


@dataclass(frozen=True, slots=True)
class Rules:
    """How the cells of a table are written, and what to do with bad rows; some are for CSV alone."""

    late: str = ">=15"
    datetime_format: str = ""
    date_format: str = "%Y-%m-%d"
    day_first: bool = False
    missing_departure_is_cancelled: bool = False
    duplicates: str = "refuse"
    separator: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    missing: list[str] = field(default_factory=list)
    bad_rows: str = "refuse"


@dataclass(frozen=True, slots=True)
class TableMap:
    """A map that makes sense."""

    flights: dict[str, From]
    operation: dict[str, From]
    rules: Rules
    airports: OwnAirports
    weather: dict[str, From] = field(default_factory=dict)


# What is read without a map, by a source that has columns of its own.
PLAIN_MAP = TableMap({}, {}, Rules(), OwnAirports())
WHOLE, CONSTANT, DATED, CLOCK = ("column",), ("constant",), ("date", "time"), ("time",)
IN_PARTS = ("year", "month", "day", "time")
FLIGHT_FORMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "airline": (WHOLE, CONSTANT),
    "flight_number": (WHOLE, CONSTANT),
    "origin": (WHOLE, CONSTANT),
    "destination": (WHOLE, CONSTANT),
    "scheduled_departure": (WHOLE, DATED, IN_PARTS),
    "scheduled_arrival": (WHOLE, DATED, CLOCK),
    "aircraft": (WHOLE, CONSTANT),
    "tail": (WHOLE,),
}
REQUIRED = ("origin", "destination", "scheduled_departure")
OPERATION_FORMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "departed": (WHOLE, DATED),
    "delay_minutes": (WHOLE,),
    "cancelled": (WHOLE,),
    "arrived": (WHOLE, DATED),
    "diverted": (WHOLE,),
}
WEATHER_FORMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "file": (WHOLE,),
    "airport": (WHOLE, CONSTANT),
    "observed": (WHOLE, DATED, IN_PARTS),
    **dict.fromkeys(MEASURES, (WHOLE,)),
}
SECTIONS = ("flights", "operation", "weather", "rules", "airports")
# The rules that a source with columns of its own leaves open.
OPEN_RULES = ("missing", "bad_rows")


def read_map(path: Path) -> TableMap:
    """Read and check the map in a TOML file."""
    return map_of(_read(path), str(path))


def read_small_map(path: Path, source: str) -> TableMap:
    """Read a map for a source that has columns of its own: its [airports], and its [rules] for bad rows alone."""
    content, name = _read(path), str(path)
    for key in content:
        if key not in ("airports", "rules"):
            raise MapError(
                f"{name}: the source {source} has columns of its own; expected [airports] or [rules] alone; "
                f"remove {shown(key)}, or use the source table"
            )
    rules, own = (_section(content, section, name) for section in ("rules", "airports"))
    _refuse_unknown(rules, OPEN_RULES, f"{name}, [rules]")
    return TableMap({}, {}, _rules(rules, f"{name}, [rules]"), read_own_airports(own, f"{name}, [airports]"))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = read_bytes(path, "name the map with --map FILE.toml").decode("utf-8-sig")
        return tomllib.loads(text)
    except TableError as failure:
        if path.is_file() and not path.read_bytes().strip():
            raise MapError(
                f"{path}: the map is empty; expected [flights] with {', '.join(REQUIRED)}; write one"
            ) from None
        raise MapError(str(failure)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as failure:
        raise MapError(f"{path}: it is not TOML in UTF-8 ({failure}); correct the map") from None


def map_of(entries: Mapping[str, Any], name: str) -> TableMap:
    """Check what a map says; `name` is how messages call it."""
    _refuse_unknown(entries, SECTIONS, name)
    sections = {section: _section(entries, section, name) for section in SECTIONS}
    _refuse_absent(sections["flights"], f"{name}, [flights]")
    table_map = TableMap(
        dict(_fields(sections["flights"], FLIGHT_FORMS, f"{name}, [flights]")),
        dict(_fields(sections["operation"], OPERATION_FORMS, f"{name}, [operation]")),
        _rules(sections["rules"], f"{name}, [rules]"),
        read_own_airports(sections["airports"], f"{name}, [airports]"),
        dict(_fields(sections["weather"], WEATHER_FORMS, f"{name}, [weather]")),
    )
    if sections["weather"]:
        _refuse_absent(sections["weather"], f"{name}, [weather]", ("file", "airport", "observed"))
    _refuse_two_departures(table_map, name)
    refuse_outcomes(table_map, name)
    return table_map


def refuse_outcomes(table_map: TableMap, name: str, table: Iterable[str] = ()) -> None:
    """Raise OutcomeAsFeatureError for a column under [flights] that tells what happened."""
    operation = {column for source in table_map.operation.values() for column in source.columns()}
    for feature, column in (
        (key, column) for key, source in table_map.flights.items() for column in source.columns()
    ):
        if column in operation or tells_outcome(column, table):
            why = "[operation] uses it" if column in operation else "its name tells what happened"
            raise OutcomeAsFeatureError(
                f"{name}, [flights]: {feature} = {shown(column)} would describe a flight by its outcome "
                f"({why}); expected a column known before departure; map that one, or rename the column "
                "if it is the timetable's"
            )


def _section(entries: Mapping[str, Any], section: str, name: str) -> dict[str, Any]:
    table = entries.get(section, {})
    if not isinstance(table, dict):
        raise MapError(
            f"{name}: {section} = {shown(table)}; expected a section, [{section}]; write its keys below that"
        )
    return table


def _refuse_unknown(entries: Iterable[str], known: Iterable[str], name: str) -> None:
    for key in entries:
        if key not in known:
            hint = did_you_mean(key, known)
            raise MapError(
                f"{name}: key {shown(key)} is unknown; expected one of {', '.join(known)}"
                + (hint or "; remove it")
            )


def _refuse_absent(entries: Mapping[str, Any], name: str, required: tuple[str, ...] = REQUIRED) -> None:
    absent = [key for key in required if key not in entries]
    if absent:
        raise MapError(
            f"{name}: {', '.join(absent)} {'is' if len(absent) == 1 else 'are'} missing; expected "
            f'{", ".join(required)}; write {absent[0]} = "the name of its column"'
        )


def _fields(
    entries: Mapping[str, Any], forms: Mapping[str, tuple[tuple[str, ...], ...]], name: str
) -> Iterator[tuple[str, From]]:
    _refuse_unknown(entries, forms, name)
    for key, value in entries.items():
        parts = {"column": value} if isinstance(value, str) else value
        fits = isinstance(parts, dict) and any(set(parts) == set(form) for form in forms[key])
        if not fits or not all(isinstance(part, str) and part.strip() for part in parts.values()):
            raise MapError(
                f"{name}: {key} = {shown(value)}; "
                f"expected {' or '.join(map(_spelled, forms[key]))}; correct it"
            )
        yield key, From(**parts)


def _spelled(form: tuple[str, ...]) -> str:
    if form == WHOLE:
        return '"a column"'
    return "{ " + ", ".join(f'{part} = "…"' for part in form) + " }"


def _rules(entries: Mapping[str, Any], name: str) -> Rules:
    _refuse_unknown(entries, [rule.name for rule in fields(Rules)], name)
    rules = Rules(**entries)
    for rule in fields(Rules):
        _check_rule(rule.name, getattr(rules, rule.name), getattr(Rules(), rule.name), name)
    return rules


def _check_rule(rule: str, value: object, default: object, name: str) -> None:
    choices = {
        "late": [*LateRule],
        "decimal": [".", ","],
        "duplicates": [*Duplicates],
        "bad_rows": [*BadRows],
    }.get(rule)
    if type(value) is not type(default):
        raise MapError(
            f"{name}: {rule} = {shown(value)}; expected {type(default).__name__}, "
            f"such as {default!r}; correct it"
        )
    if choices and value not in choices:
        raise MapError(
            f"{name}: {rule} = {shown(value)}; expected one of "
            f"{', '.join(map(repr, map(str, choices)))}; correct it"
        )
    if rule == "separator" and (len(str(value)) != 1 or not str(value).isascii() or str(value) in '"\r\n'):
        raise MapError(
            f"{name}: separator = {shown(value)}; expected one ASCII character, "
            'such as ";" or "\\t"; correct it'
        )
    if isinstance(value, list) and not all(isinstance(word, str) for word in value):
        raise MapError(f'{name}: {rule} = {shown(value)}; expected texts, such as ["NA"]; put each in quotes')


def _refuse_two_departures(table_map: TableMap, name: str) -> None:
    if {"departed", "delay_minutes"} <= set(table_map.operation):
        raise MapError(
            f"{name}, [operation]: departed and delay_minutes are both given; expected one; remove the other"
        )
