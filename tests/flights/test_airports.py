import pytest
from hypothesis import given
from hypothesis import strategies as st

from puntual.errors import UnknownAirportError
from puntual.flights import airports


@pytest.mark.parametrize("code", ["SCL", "SCEL", " scel ", "scl"])
def test_an_airport_answers_to_its_iata_and_icao_codes_in_any_case(code: str) -> None:
    found = airports.find(code)
    assert (found.code, found.icao, found.country) == ("SCL", "SCEL", "CL")
    assert found.time_zone == "America/Santiago"
    assert found.latitude == pytest.approx(-33.39, abs=0.01)


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
    found = airports.find(code)
    assert airports.find(found.code) is found
    assert airports.find(found.icao) is found
