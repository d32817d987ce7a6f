"""The same task by Spark on one machine: `python spark_rival.py TABLE.csv [FOLDER]`, in an environment of its own.

It needs Java and PySpark and nothing of Puntual. Without a sample to write, all columns are worked out and thrown away.
"""

import json
import os
import sys
import time

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as f

DAYS, CAP_SECONDS, LATE_MINUTES, DAY_SECONDS = 60, 7_200, 15, 86_400
LEVELS = {
    "network": ([], None, 0.0),
    "airport": (["origin"], "network", 10.0),
    "airline": (["origin", "carrier"], "airport", 20.0),
    "destination": (["origin", "dest"], "airport", 20.0),
    "route": (["origin", "carrier", "dest"], "airline", 20.0),
    "flight": (["origin", "carrier", "dest", "flight"], "route", 10.0),
}
COUNTS = ["flights", "late", "departed", "delay"]
KEY = ["date", "minute", "origin", "carrier", "flight", "dest"]
SAMPLED = 50


def schedule(flights: DataFrame) -> DataFrame:
    clock = f.col("sched_dep_time").cast("int") % 2400
    day = f.datediff(f.make_date("year", "month", "day"), f.lit("1970-01-01").cast("date"))
    delay = f.col("dep_delay").cast("double")
    left = f.col("dep_time").isNotNull() & (f.col("dep_time") != "")
    seconds = f.when(left, f.coalesce(delay, f.lit(0.0)) * 60).otherwise(0.0)
    minute = f.floor(clock / 100) * 60 + clock % 100
    return flights.select(
        day.alias("date"),
        minute.alias("minute"),
        *(f.col(name) for name in ("origin", "carrier", "dest")),
        f.col("flight").cast("int").alias("flight"),
        f.floor(
            (day.cast("long") * DAY_SECONDS + minute * 60 + f.greatest(seconds, f.lit(0.0))) / DAY_SECONDS
        )
        .cast("int")
        .alias("known"),
        f.lit(1.0).alias("flights"),
        (~left | (delay >= LATE_MINUTES)).cast("double").alias("late"),
        left.cast("double").alias("departed"),
        f.least(f.greatest(seconds, f.lit(-float(CAP_SECONDS))), f.lit(float(CAP_SECONDS))).alias("delay"),
    )


def add_history(scheduled: DataFrame) -> DataFrame:
    flights = scheduled
    for level, (keys, _, _) in LEVELS.items():
        # Of what was read, not of what was joined so far: that would be worked out anew at every level.
        operated = scheduled.select(*keys, f.col("known").alias("date"), *COUNTS)
        requested = scheduled.select(*keys, "date").distinct()
        requested = requested.select(*keys, "date", *(f.lit(0.0).alias(name) for name in COUNTS))
        daily = (
            operated.union(requested)
            .groupBy(*keys, "date")
            .agg(*(f.sum(name).alias(name) for name in COUNTS))
        )
        before = Window.partitionBy(*keys).orderBy("date").rangeBetween(-DAYS, -1)
        sums = daily.select(
            *keys,
            "date",
            *(f.coalesce(f.sum(name).over(before), f.lit(0.0)).alias(f"{level}_{name}") for name in COUNTS),
        )
        flights = flights.join(sums, [*keys, "date"])
    return with_rates(flights)


def with_rates(flights: DataFrame) -> DataFrame:
    for level, (_, parent, strength) in LEVELS.items():
        late, delay = f.col(f"{level}_late"), f.col(f"{level}_delay") / 60
        if parent is not None:
            late, delay = (
                late + strength * f.col(f"{parent}_rate"),
                delay + strength * f.col(f"{parent}_mean"),
            )
        flights = flights.withColumn(f"{level}_rate", over(late, f.col(f"{level}_flights") + strength))
        flights = flights.withColumn(f"{level}_mean", over(delay, f.col(f"{level}_departed") + strength))
    for level in list(LEVELS)[1:]:
        rate, mean = f.col(f"{level}_rate"), f.col(f"{level}_mean")
        if level != "airport":
            rate, mean = rate - f.col("airport_rate"), mean - f.col("airport_mean")
        flights = flights.withColumn(f"{level}_late_rate_60d", f.rint(rate * 4096) / 4096)
        flights = flights.withColumn(f"{level}_delay_60d", f.rint(mean * 64) / 64)
        support = f.when(rate.isNotNull(), f.col(f"{level}_flights"))
        flights = flights.withColumn(f"{level}_support_60d", support)
    return flights


def over(above: Column, below: Column) -> Column:
    return f.when(below > 0, above / below)


def add_congestion(flights: DataFrame) -> DataFrame:
    for level, keys in {"airport": ["origin"], "airline": ["origin", "carrier"]}.items():
        day = Window.partitionBy(*keys, "date")
        line = day.orderBy("minute")
        for reach in (15, 60):
            within = f.count("*").over(line.rangeBetween(-reach, reach))
            flights = flights.withColumn(f"{level}_departures_{reach}", within)
        flights = flights.withColumn(f"{level}_departures_day", f.count("*").over(day))
        previous = f.max("minute").over(line.rangeBetween(Window.unboundedPreceding, -1))
        flights = flights.withColumn(f"{level}_gap", f.col("minute") - previous)
    return flights


def main(table: str, sample: str | None) -> None:
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.driver.memory", "6g")
        .getOrCreate()
    )
    begun = time.perf_counter()
    flights = spark.read.csv(table, header=True)
    made = add_congestion(add_history(schedule(flights).cache()))
    kept = [name for name in made.columns if name in KEY or name.endswith(("_60d", "_15", "_day", "_gap"))]
    kept += [f"{level}_departures_60" for level in ("airport", "airline")]
    made = made.select(*kept)
    if sample:
        made.where(f.col("date") % SAMPLED == 0).coalesce(1).write.csv(sample, header=True)
        return
    made.write.format("noop").mode("overwrite").save()
    seconds = time.perf_counter() - begun
    print(json.dumps({"rows": flights.count(), "seconds": seconds, "processor_seconds": sum(os.times()[:4])}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
