import csv
from datetime import date
from pathlib import Path

import airportsdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from puntual.errors import UnknownAirportError
from puntual.flights import airports


@pytest.mark.parametrize("code", ["SCL", "SCEL", " scel ", "scl"])
def test_an_airport_answers_to_its_iata_and_icao_codes_in_any_case(code: str) -> None:
    airport = airports.find(code)
    assert (airport.code, airport.icao, airport.country) == ("SCL", "SCEL", "CL")
    assert airport.time_zone == "America/Santiago"
    assert airport.latitude == pytest.approx(-33.39, abs=0.01)


def test_an_airport_without_an_iata_code_is_called_by_its_icao_code() -> None:
    assert airports.find("00AA").code == "00AA"


@pytest.mark.parametrize("code", ["", "  ", "ZZZZZ", "\x00", "=1+1", "A" * 10_000])
def test_an_unlisted_code_is_refused_with_a_short_message(code: str) -> None:
    with pytest.raises(UnknownAirportError, match="expected a code such as SCL") as refused:
        airports.find(code)
    assert len(str(refused.value)) < 250


def test_whoever_writes_a_city_is_told_its_codes() -> None:
    with pytest.raises(UnknownAirportError, match=r"did you mean .*LGA"):
        airports.find("New York")


@given(st.sampled_from(["SCL", "JFK", "LHR", "EGLL", "00AA", "SBGR"]))
def test_a_canonical_code_finds_itself(code: str) -> None:
    airport = airports.find(code)
    assert airports.find(airport.code) is airport
    assert airports.find(airport.icao) is airport


def former() -> list[dict[str, str]]:
    path = Path(airports.__file__).with_name("former_airports.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("code", "today"),
    [("SEQU", "UIO"), ("sequ", "UIO"), ("PFN", "ECP"), ("ISN", "XWA"), ("SXF", "BER"), ("FAJS", "JNB")],
)
def test_a_former_code_gives_where_the_airport_is_today(code: str, today: str) -> None:
    assert airports.find(code) is airports.find(today)
    assert airports.code_of(code) == today


def test_no_former_code_stands_in_the_list_of_today_and_each_leads_to_one_that_does() -> None:
    listed = {*airportsdata.load("IATA"), *airportsdata.load("ICAO")}
    rows = former()
    assert [row["code"] for row in rows if row["code"] in listed] == []
    assert [row["code"] for row in rows if row["now"] not in listed] == []
    assert len({row["code"] for row in rows}) == len(rows)


def test_every_former_code_has_a_source_and_a_date_unless_nobody_tells_it() -> None:
    rows = former()
    assert all(row["source"] and row["what"] for row in rows)
    dated = [date.fromisoformat(row["until"]) for row in rows if row["until"]]
    assert len(dated) >= len(rows) - 2 and min(dated) > date(1996, 1, 1)


@pytest.mark.parametrize(
    ("code", "icao"), [("TXL", "EDDT"), ("LTBA", "LTBA"), ("DIA", "OTBD"), ("SCTC", "SCTC")]
)
def test_a_closed_airport_that_is_still_listed_keeps_its_own_place(code: str, icao: str) -> None:
    assert airports.find(code).icao == icao


def test_what_only_looks_like_a_code_goes_by_itself() -> None:
    assert airports.code_of(" qqqq ") == "QQQQ"
    assert airports.country_of("QQQQ") is None
    for text in ("Atlantis", "12", "1234", "", "Q-Q"):
        with pytest.raises(UnknownAirportError):
            airports.code_of(text)


@pytest.mark.parametrize("code", ["\u0131st", "\u00df\u00df", "\u017fFO", "\ufb02y"])
def test_letters_whose_capitals_are_those_of_a_code_are_no_code(code: str) -> None:
    assert airports.look_up(code) is None
    with pytest.raises(UnknownAirportError, match="neither by IATA nor by ICAO"):
        airports.code_of(code)


def test_codes_are_the_same_whether_rows_are_told_by_their_shape_or_read_as_any_table() -> None:
    """A name over two lines is of no shape that the publisher's rows have."""
    plain = airports._file().read_bytes()[:20_000].rpartition(b"\n")[0] + b"\n"
    other = plain + b'"ZZZA","ZZA","Two\nlines","","","CL",0,1.0,2.0,"America/Santiago",""\n'
    starts, codes = airports._coded_rows(plain)
    starts_read, codes_read = airports._coded_rows(other)
    assert starts_read[-1] == len(plain)
    assert starts_read[:-1].tolist() == starts.tolist()
    assert codes_read[-1] == ("ZZA", "ZZZA")
    assert [tuple(map(str.encode, pair)) for pair in codes_read[:-1]] == list(codes)
