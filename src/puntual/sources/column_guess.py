"""Which column of a table is which field of a flight, guessed by names and values."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from puntual.flights import airports
from puntual.sources.leakage import bare_name, tells_outcome

# The names of columns without case, accents and separators, the likelier first; English, Spanish and Portuguese.
# fmt: off
NAMES: dict[str, tuple[str, ...]] = {
    "airline": (
        "airline", "carrier", "airlinecode", "carriercode", "uniquecarrier", "opcarrier", "opuniquecarrier",
        "reportingairline", "marketingairline", "empi", "aerolinea", "codigoaerolinea", "lineaaerea",
        "compania", "cia", "operador", "operator", "opera",
        "empresaaerea", "empresa", "icaoempresaaerea", "companhia", "companhiaaerea",
    ),
    "flight_number": (
        "flightnumber", "flightnum", "flightno", "flight", "flno", "vloi", "number", "num", "vuelo",
        "numerovuelo", "numerodevuelo", "numvuelo", "nvuelo", "novuelo", "opcarrierflnum",
        "flightnumberreportingairline", "numero",
        "fltno", "fltnum", "flightnbr", "numerovoo", "numerodovoo", "voo",
    ),
    "origin": (
        "origin", "orig", "from", "originairport", "departureairport", "depairport", "orii", "origen",
        "aeropuertoorigen", "aeropuertodeorigen", "desde",
        "origem", "aeroportoorigem", "icaoaerodromoorigem", "depstn",
    ),
    "destination": (
        "destination", "dest", "to", "destinationairport", "arrivalairport", "arrairport", "desi", "destino",
        "aeropuertodestino", "aeropuertodedestino", "hasta",
        "aeroportodestino", "icaoaerodromodestino", "arrstn",
    ),
    "moment": (
        "scheduleddeparture", "scheduleddeparturetime", "scheduledeparture", "scheddeparture", "std", "fechai",
        "salidaprogramada", "fechahoraprogramada", "fechahorasalida", "fechahora", "programada", "scheduled",
        "itinerario", "departurescheduled", "planneddeparture",
        "partidaprevista", "sobt", "scheduledoffblock",
    ),
    "date": (
        "flightdate", "fldate", "date", "fecha", "fechavuelo", "fechaprogramada", "fechasalida",
        "fechadevuelo", "departuredate", "scheduleddate",
    ),
    "clock": (
        "scheddeptime", "crsdeptime", "scheduleddeparturetime", "scheduleddeparture", "scheduledtime", "std",
        "horaprogramada", "horasalida", "horasalidaprogramada", "hora", "time", "departureclock", "itinerario",
    ),
    "arrival": (
        "schedarrtime", "crsarrtime", "scheduledarrival", "scheduledarrivaltime", "sta", "llegadaprogramada",
        "horallegada", "horallegadaprogramada",
        "chegadaprevista",
    ),
    "tail": ("tailnum", "tailnumber", "tail", "registration", "matricula"),
    "aircraft": ("aircraft", "aircrafttype", "equipment", "tipoaeronave", "aeronave", "equipo", "avion"),
    "departed": (
        "departed", "atd", "actualdeparture", "actualdeparturetime", "fechao", "salidareal", "departuretime",
        "fechahorareal", "fechareal", "actual",
        "partidareal", "aobt", "actualoffblock",
    ),
    "delay": (
        "depdelay", "depdelayminutes", "departuredelay", "departuredelayminutes", "delayminutes", "delaymin",
        "delay", "atraso", "atrasominutos", "minutosatraso", "minutosdeatraso", "atrasosalida", "retraso",
        "demora", "minutosretraso",
        "delaymins", "departuredelaymins", "depdelaymins", "atrasopartida", "atrasopartidamin",
    ),
    "cancelled": (
        "cancelled", "canceled", "iscancelled", "calledoff", "cancelado", "cancelada", "suspendido",
        "vuelocancelado",
    ),
    "left": ("deptime", "horareal", "departuretime"),
    "year": ("year", "ano", "anio"),
    "month": ("month", "mes"),
    "day": ("day", "dayofmonth", "dia"),
}
# fmt: on
# What else the name of an airport's column holds, where it is none of those above.
PARTS = {"origin": ("orig", "depart"), "destination": ("dest", "arriv")}
OUTCOME_FIELDS = frozenset({"departed", "delay", "cancelled", "left"})
CLOCK = r"^(\d{1,2}:\d\d(:\d\d)?|\d{1,4})$"
NUMBER = r"^[+-]?\d+([.,]\d+)?$"


@dataclass(frozen=True, slots=True)
class Guess:
    """A column for a field; `doubt` says what is unsure of it, and is empty where nothing is."""

    column: str
    doubt: str = ""


class ColumnSample:
    """A sample of a table's cells as text, by column."""

    def __init__(self, sample: pl.DataFrame) -> None:
        self.texts = {
            name: sample[name].cast(pl.String, strict=False).drop_nulls() for name in sample.columns
        }
        self.empty = {name: sample[name].null_count() / max(sample.height, 1) for name in sample.columns}
        self.taken: set[str] = set()

    def named(self, field: str) -> Iterator[str]:
        """Give the columns that are called as a field may be, the likelier first."""
        by_name = {bare_name(name): name for name in reversed(self.texts)}
        for name in NAMES[field]:
            column = by_name.get(name)
            if column is None or column in self.taken:
                continue
            if field in OUTCOME_FIELDS or not tells_outcome(column, self.texts):
                yield column

    def guess(
        self, field: str, fits: Callable[[pl.Series], float], *, by_value: bool = False
    ) -> Guess | None:
        """Guess the column of a field by its name, and by its values alone where that is enough."""
        for column in self.named(field):
            share = fits(self.texts[column]) if len(self.texts[column]) else 0.0
            if share >= 0.5:
                doubt = "" if share >= 0.98 else f"{1 - share:.0%} of its values do not look like it"
                return self._take(column, doubt)
        for column in self._named_in_part(field):
            if len(self.texts[column]) and fits(self.texts[column]) >= 0.95:
                return self._take(column, "chosen by a part of its name")
        rest = (name for name in self.texts if name not in self.taken and not tells_outcome(name, self.texts))
        for column in rest if by_value else ():
            if len(self.texts[column]) and fits(self.texts[column]) >= 0.95:
                return self._take(column, "chosen by its values alone")
        return None

    def _named_in_part(self, field: str) -> list[str]:
        parts = PARTS.get(field, ())
        rest = [name for name in self.texts if name not in self.taken and not tells_outcome(name, self.texts)]
        return [name for name in rest if any(part in bare_name(name) for part in parts)]

    def _take(self, column: str, doubt: str) -> Guess:
        self.taken.add(column)
        return Guess(column, doubt)


def share_of(pattern: str) -> Callable[[pl.Series], float]:
    """Give what tells the share of texts that match a pattern."""
    return lambda texts: share_true(texts.str.strip_chars().str.contains(pattern))


def share_of_airports(texts: pl.Series) -> float:
    """Tell the share of texts that are codes of airports which are listed."""
    counts = texts.str.strip_chars().str.to_uppercase().value_counts()
    listed = [
        count
        for code, count in counts.iter_rows()
        if re.fullmatch("[A-Z0-9]{3,4}", code) and airports.look_up(code) is not None
    ]
    return float(sum(listed) / max(len(texts), 1))


def share_of_airlines(texts: pl.Series) -> float:
    """Tell the share of texts that may be codes or names of airlines, of which a table holds a few."""
    return share_of(r"^[^\d:/]|^\d[A-Za-z]$")(texts) if texts.n_unique() <= 200 else 0.0


def share_of_airline_codes(texts: pl.Series) -> float:
    """Tell the share of texts that are written as the codes of airlines are."""
    written = share_of(r"^([A-Z][A-Z0-9]|[0-9][A-Z]|[A-Z]{3})$")(texts)
    return written if texts.n_unique() <= 200 and share_of_airports(texts) < 0.9 else 0.0


def share_true(flags: pl.Series) -> float:
    """Tell the share of flags that are true."""
    return int(flags.sum()) / max(flags.len(), 1)
