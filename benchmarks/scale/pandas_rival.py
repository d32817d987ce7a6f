"""The same task as a straight pipeline of pandas and scikit-learn: sixty-day rates and congestion, from CSV to columns.

What each counts is what Puntual counts, to the bit, which `agreement` checks. The windows of 1, 7 and 30 days, the
calendar and the codes are left out, which is to its favour.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

WINDOW, CAP_SECONDS, LATE_MINUTES, DAY_SECONDS = "60D", 7_200, 15, 86_400
# Each entity, its parent and how many flights it leans on that for.
LEVELS = {
    "network": ([], None, 0.0),
    "airport": (["origin"], "network", 10.0),
    "airline": (["origin", "carrier"], "airport", 20.0),
    "destination": (["origin", "dest"], "airport", 20.0),
    "route": (["origin", "carrier", "dest"], "airline", 20.0),
    "flight": (["origin", "carrier", "dest", "flight"], "route", 10.0),
}
COUNTS = ["flights", "late", "departed", "delay"]
RATE_BITS, DELAY_BITS = 12, 6
READ = [
    "year",
    "month",
    "day",
    "sched_dep_time",
    "dep_time",
    "dep_delay",
    "carrier",
    "flight",
    "origin",
    "dest",
]


def featurise(path: Path) -> pd.DataFrame:
    """Read a table and work out its features, in the order of its rows."""
    return pipeline().fit_transform(pd.read_csv(path, usecols=READ))


def pipeline() -> Pipeline:
    """Put the steps together."""
    steps = {"schedule": schedule, "history": add_history, "congestion": add_congestion}
    return Pipeline([(name, FunctionTransformer(step)) for name, step in steps.items()])


def schedule(flights: pd.DataFrame) -> pd.DataFrame:
    """Find each flight's day and minute, whether it was late, and the day on which that was known."""
    clock = flights["sched_dep_time"] % 2400
    day = pd.to_datetime(flights[["year", "month", "day"]])
    minute = clock // 100 * 60 + clock % 100
    cancelled = flights["dep_time"].isna()
    seconds = (flights["dep_delay"] * 60).where(~cancelled, 0.0).fillna(0.0)
    known = day + pd.to_timedelta(minute * 60 + seconds.clip(lower=0), unit="s")
    return flights.assign(
        date=day,
        minute=minute,
        known=known.dt.normalize(),
        flights=1.0,
        late=(cancelled | (flights["dep_delay"] >= LATE_MINUTES)).astype(float),
        departed=(~cancelled).astype(float),
        delay=seconds.clip(-CAP_SECONDS, CAP_SECONDS),
    )


def add_history(flights: pd.DataFrame) -> pd.DataFrame:
    """Add late rate, mean delay and flights of the sixty days before each flight's own, level by level."""
    rates: dict[str, pd.DataFrame] = {}
    columns = {}
    for level, (keys, parent, strength) in LEVELS.items():
        sums = _sums(flights, keys)
        late, delay, departed = sums["late"], sums["delay"] / 60, sums["departed"]
        if parent is not None:
            late, delay = late + strength * rates[parent]["late"], delay + strength * rates[parent]["delay"]
        rates[level] = pd.DataFrame(
            {
                "late": (late / (sums["flights"] + strength)).where(sums["flights"] + strength > 0),
                "delay": (delay / (departed + strength)).where(departed + strength > 0),
            }
        )
        if parent is not None:
            base = rates["airport"] if level != "airport" else 0.0 * rates["airport"]
            own = rates[level] - base
            columns[f"{level}_late_rate_60d"] = _on_grid(own["late"], RATE_BITS)
            columns[f"{level}_delay_60d"] = _on_grid(own["delay"], DELAY_BITS)
            columns[f"{level}_support_60d"] = sums["flights"].where(own["late"].notna())
    return flights.assign(**columns)


def add_congestion(flights: pd.DataFrame) -> pd.DataFrame:
    """Add the departures within 15 and 60 minutes and of the day, and the gap before, of airport and airline there."""
    columns = {}
    for level, keys in {"airport": ["origin"], "airline": ["origin", "carrier"]}.items():
        minutes = flights.groupby([*keys, "date"], sort=False)["minute"]
        columns[f"{level}_departures_15"] = minutes.transform(_within, 15)
        columns[f"{level}_departures_60"] = minutes.transform(_within, 60)
        columns[f"{level}_departures_day"] = minutes.transform("size")
        columns[f"{level}_gap"] = minutes.transform(_gap)
    return flights.assign(**columns)


def _sums(flights: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Sum what was known in the sixty days before each flight's own, in the order of the flights."""
    operated = flights[[*keys, "known", *COUNTS]].rename(columns={"known": "date"})
    requested = flights[[*keys, "date"]].drop_duplicates().assign(**dict.fromkeys(COUNTS, 0.0))
    daily = pd.concat([operated, requested]).groupby([*keys, "date"])[COUNTS].sum().reset_index()
    daily = daily.set_index("date")
    grouped = daily.groupby(keys)[COUNTS] if keys else daily[COUNTS]
    windows = grouped.rolling(WINDOW, closed="left").sum().fillna(0.0).round().reset_index()
    return (
        flights[[*keys, "date"]]
        .merge(windows, on=[*keys, "date"], how="left")[COUNTS]
        .set_axis(flights.index)
    )


def _within(minutes: pd.Series, reach: int) -> np.ndarray:
    line = np.sort(minutes.to_numpy())
    return line.searchsorted(minutes + reach, "right") - line.searchsorted(minutes - reach)


def _gap(minutes: pd.Series) -> np.ndarray:
    line = np.sort(minutes.to_numpy())
    before = line.searchsorted(minutes)
    return np.where(before > 0, minutes - line[before - 1], np.nan)


def _on_grid(values: pd.Series, bits: int) -> pd.Series:
    return np.rint(values * 2**bits) / 2**bits
