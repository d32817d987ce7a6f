"""The one path from flights to predictions."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from msgspec.structs import replace as changed

from puntual.errors import BadValueError, BundleError, UnknownAirportError
from puntual.features.vector import COLUMNS
from puntual.flights.flight import Flight, LateRule
from puntual.prediction.predictions import BAND_NAMES, REASON_NAMES, Predictions
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle, from_bytes, to_bytes
from puntual.training.bundling import unlisted_airports
from puntual.training.dataset import Dataset

# The bundle was trained on flights until 22 April, so that its history ends on the 21st.
CLOSED, FIRST = date(2023, 4, 21), date(2023, 4, 22)
SCHEDULED = pl.col("scheduled_departure").dt.date()

SUPPORTS = ("support_airline", "support_route", "support_flight")


@pytest.fixture(scope="module")
def predictor(made_bundle: Bundle) -> Predictor:
    return Predictor(made_bundle, threads=1)


@pytest.fixture(scope="module")
def tomorrow(made_flights: pl.DataFrame) -> pl.DataFrame:
    return made_flights.filter(FIRST == SCHEDULED)


def flight(**fields: object) -> Flight:
    usual = Flight("AA", "104", "JFK", "LAX", datetime(2023, 4, 22, 9, 30))
    return replace(usual, **fields)


def same(predictions: Predictions, other: Predictions) -> None:
    np.testing.assert_allclose(predictions.bands, other.bands, atol=1e-6)


# --- what was known ------------------------------------------------------------------------------------------


def test_a_whole_day_is_predicted_from_its_own_timetable_and_the_closing_history(
    predictor: Predictor, tomorrow: pl.DataFrame
) -> None:
    frame = predictor.predict(tomorrow).to_frame()
    assert frame["timetable"].unique().to_list() == ["known"]
    assert frame["history_until"].unique().to_list() == [CLOSED]


def test_a_single_flight_is_predicted_from_the_typical_week(predictor: Predictor) -> None:
    frame = predictor.predict([flight()]).to_frame()
    assert frame["timetable"].to_list() == ["typical"]
    assert frame["history_until"].to_list() == [CLOSED]


def test_a_flight_months_ahead_has_no_history_and_says_so(predictor: Predictor) -> None:
    frame = predictor.predict([flight(scheduled_departure=datetime(2023, 9, 1, 9, 30))]).to_frame()
    assert frame["history_until"].to_list() == [None]
    assert [frame[name].to_list() for name in SUPPORTS] == [[0]] * 3


def test_history_is_known_until_its_window_has_passed(predictor: Predictor) -> None:
    ahead = [flight(scheduled_departure=datetime(2023, 4, 21, 9) + timedelta(days=days)) for days in (60, 61)]
    assert predictor.predict(ahead).to_frame()["history_until"].to_list() == [CLOSED, None]


def test_an_earlier_cut_off_cuts_the_history(predictor: Predictor, tomorrow: pl.DataFrame) -> None:
    ten_days_before = predictor.predict(tomorrow, as_of=datetime(2023, 4, 12, 18))
    assert ten_days_before.to_frame()["history_until"].unique().to_list() == [date(2023, 4, 11)]
    assert (
        np.abs(ten_days_before.late_probability - predictor.predict(tomorrow).late_probability).max() > 1e-3
    )
    long_before = predictor.predict(tomorrow, as_of=datetime(2022, 1, 1))
    assert long_before.to_frame()["history_until"].unique().to_list() == [None]


def test_a_later_cut_off_adds_nothing_to_the_day_before_the_flight(
    predictor: Predictor, tomorrow: pl.DataFrame, made_flights: pl.DataFrame
) -> None:
    usual = predictor.predict(tomorrow, past=made_flights)
    later = predictor.predict(tomorrow, as_of=datetime(2023, 4, 22, 23), past=made_flights)
    same(usual, later)


def test_operations_after_the_cut_off_move_no_prediction(
    predictor: Predictor, tomorrow: pl.DataFrame, made_flights: pl.DataFrame
) -> None:
    cut = datetime(2023, 4, 22)
    departed = pl.col("departed")
    after = (departed >= cut).fill_null(False)
    changed = made_flights.with_columns(
        departed=pl.when(after).then(departed + timedelta(hours=9)).otherwise(departed)
    )
    usual, other = (predictor.predict(tomorrow, past=past) for past in (made_flights, changed))
    np.testing.assert_array_equal(usual.bands, other.bands)


def test_the_closing_history_says_what_the_whole_past_does(
    predictor: Predictor, tomorrow: pl.DataFrame, made_flights: pl.DataFrame
) -> None:
    np.testing.assert_array_equal(
        predictor.predict(tomorrow).bands, predictor.predict(tomorrow, past=made_flights).bands
    )


def test_vectors_served_are_those_of_training(
    predictor: Predictor, made_flights: pl.DataFrame, tomorrow: pl.DataFrame
) -> None:
    known = made_flights.filter(SCHEDULED < FIRST)
    rows = np.flatnonzero((made_flights.select(SCHEDULED).to_series() == FIRST).to_numpy())
    # The final model learnt its codes from all the flights that the bundle was made of.
    dataset = Dataset(made_flights, predictor.bundle.manifest.late_rule)
    trained, served = (
        dataset.learn(np.arange(known.height)).full(rows),
        predictor.vectors_of(tomorrow, timetable_of=tomorrow),
    )
    np.testing.assert_array_equal(trained.view(np.uint32), served.view(np.uint32))


def test_some_flights_of_a_given_timetable_are_predicted_as_all_of_it_is(
    predictor: Predictor, tomorrow: pl.DataFrame
) -> None:
    whole = predictor.predict(tomorrow)
    some = predictor.predict(tomorrow[3:9], timetable_of=tomorrow)
    assert some.timetable_known.all()
    np.testing.assert_allclose(some.bands, whole.bands[3:9], atol=1e-6)
    np.testing.assert_array_equal(some.support, whole.support[3:9])


def test_a_timetable_of_another_day_is_not_taken_for_this_one(
    predictor: Predictor, tomorrow: pl.DataFrame, made_flights: pl.DataFrame
) -> None:
    other_day = made_flights.filter(date(2023, 4, 23) == SCHEDULED)
    assert not predictor.predict(tomorrow[:3], timetable_of=other_day).timetable_known.any()


# --- what is said --------------------------------------------------------------------------------------------


def test_the_columns_of_a_prediction(predictor: Predictor, tomorrow: pl.DataFrame) -> None:
    frame = predictor.predict(tomorrow, reasons=True).to_frame()
    read = [
        "expected_delay_minutes",
        "p50",
        "p80",
        "p95",
        "late",
        "threshold",
        "threshold_rule",
        *SUPPORTS,
        "timetable",
        "history_until",
        "warnings",
    ]
    assert frame.columns == ["late_probability", *BAND_NAMES, *read, *REASON_NAMES]
    assert frame.height == tomorrow.height and frame.null_count().sum_horizontal().item() == 0


def test_everything_said_is_read_from_the_bands(predictor: Predictor, tomorrow: pl.DataFrame) -> None:
    predictions = predictor.predict(tomorrow)
    np.testing.assert_allclose(predictions.bands.sum(axis=1), 1)
    np.testing.assert_allclose(predictions.late_probability, 1 - predictions.bands[:, 0])
    assert (np.diff(predictions.quantiles, axis=1) >= 0).all()
    late_at_80 = predictions.quantiles[:, 1] >= 15
    np.testing.assert_array_equal(late_at_80, predictions.late_probability > 0.2)


def test_a_flight_is_labelled_late_from_the_threshold_on(made_bundle: Bundle, tomorrow: pl.DataFrame) -> None:
    p_late = Predictor(made_bundle, threads=1).predict(tomorrow).late_probability
    at = float(np.sort(p_late)[10])
    for threshold, count in ((at, len(p_late) - 10), (np.nextafter(at, 1), len(p_late) - 11)):
        moved = replace_threshold(made_bundle, threshold)
        assert Predictor(moved, threads=1).predict(tomorrow).late.sum() == count


def test_a_table_of_predictions_names_the_threshold_and_the_rule_that_chose_it(
    made_bundle: Bundle, tomorrow: pl.DataFrame
) -> None:
    frame = Predictor(replace_threshold(made_bundle, 0.25)).predict(tomorrow).to_frame()
    assert frame.columns[10:13] == ["late", "threshold", "threshold_rule"]
    assert frame["threshold"].unique().to_list() == [0.25]
    assert frame["threshold_rule"].unique().to_list() == ["balanced"]


def replace_threshold(bundle: Bundle, threshold: float) -> Bundle:
    return replace(bundle, manifest=changed(bundle.manifest, threshold=float(threshold)))


def test_support_is_that_of_the_narrowest_level_with_any_flights(
    predictor: Predictor, tomorrow: pl.DataFrame
) -> None:
    known = tomorrow[5:6].with_columns(departed=None, cancelled=None)
    flights = pl.concat(
        [
            known,
            known.with_columns(flight_number=pl.lit("9999")),
            known.with_columns(flight_number=pl.lit("9999"), airline=pl.lit("ZZ")),
            known.with_columns(origin=pl.lit("BOS"), destination=pl.lit("JFK")),
        ]
    ).cast(tomorrow.schema)
    predictions = predictor.predict(flights)
    assert predictions.support_of.tolist() == ["flight", "route", "airport", "none"]
    assert predictions.support[0] == pytest.approx(60, abs=3) and predictions.support[3] == 0
    assert predictions.support[0] <= predictions.support[1] < predictions.support[2]


# --- how flights may be asked about --------------------------------------------------------------------------


def test_airports_may_be_named_by_iata_or_icao_and_the_airline_in_any_case(predictor: Predictor) -> None:
    iata, icao = flight(), flight(origin="KJFK", destination="klax", airline=" aa ")
    same(predictor.predict([iata]), predictor.predict([icao]))
    same(predictor.predict([iata, icao]), predictor.predict([icao, iata]))


def test_a_past_in_icao_codes_is_the_same_past(
    predictor: Predictor, tomorrow: pl.DataFrame, made_flights: pl.DataFrame
) -> None:
    codes = {"JFK": "KJFK", "EWR": "KEWR", "LHR": "EGLL"}
    by_icao = made_flights.with_columns(pl.col("origin", "destination").replace(codes))
    same(predictor.predict(tomorrow, past=made_flights), predictor.predict(tomorrow, past=by_icao))


def test_an_unknown_airport_is_refused_with_its_code(predictor: Predictor) -> None:
    with pytest.raises(UnknownAirportError, match="'QQQ'"):
        predictor.predict([flight(destination="QQQ")])


def test_an_unlisted_airport_that_training_saw_is_answered_without_its_place(made_bundle: Bundle) -> None:
    seen = {"code": np.array(["QQQ", "QQQQ"]), "time_zone": np.array(["", "America/New_York"])}
    knows = Predictor(
        replace(made_bundle, tables={**made_bundle.tables, "unlisted_airports": seen}), threads=1
    )
    unlisted = [flight(destination="qqq"), flight(origin="QQQQ")]
    matrix = knows.vectors_of([flight(), *unlisted])
    needs_place = [
        COLUMNS.index(name) for name in ("distance_km", "bearing_north", "bearing_east", "international")
    ]
    assert np.isnan(matrix[:, needs_place]).tolist() == [[False] * 4, [True] * 4, [True] * 4]
    assert np.isnan(matrix[:, COLUMNS.index("holiday")]).tolist() == [False, False, True]
    assert (
        (knows.predict(unlisted).late_probability >= 0) & (knows.predict(unlisted).late_probability <= 1)
    ).all()


def test_a_table_may_hold_an_airport_that_nobody_lists(predictor: Predictor, tomorrow: pl.DataFrame) -> None:
    to_nowhere = tomorrow.with_columns(destination=pl.lit("QQQ"))
    assert predictor.predict(to_nowhere).late_probability.shape == (tomorrow.height,)


@pytest.mark.parametrize("moment", [datetime(9999, 12, 31, 23, 59), datetime(1, 1, 1)])
def test_a_flight_beyond_the_reckoning_of_days_is_refused_by_its_place_and_date(
    predictor: Predictor, tomorrow: pl.DataFrame, moment: datetime
) -> None:
    with pytest.raises(BadValueError, match=rf"flight 2: scheduled_departure {moment}"):
        predictor.predict([flight(), flight(scheduled_departure=moment)])
    far = tomorrow.head(2).with_columns(scheduled_departure=pl.Series([datetime(2023, 4, 22), moment]))
    with pytest.raises(BadValueError, match=rf"row 2: scheduled_departure {moment.isoformat()[:10]}"):
        predictor.predict(far)


def test_training_names_the_airports_that_nobody_lists_in_the_bundle(made_flights: pl.DataFrame) -> None:
    unlisted = pl.when(pl.col("destination") == "MIA").then(pl.lit("QQQ")).otherwise("destination")
    flights = made_flights.head(60).with_columns(destination=unlisted)
    dataset = Dataset(flights, LateRule.FROM_15)
    table = unlisted_airports(dataset)
    assert (table["code"].tolist(), table["time_zone"].tolist()) == (["QQQ"], [""])


@pytest.mark.parametrize("reasons", [False, True])
def test_no_flights_get_no_predictions(
    predictor: Predictor, made_flights: pl.DataFrame, reasons: bool
) -> None:
    for nothing in ([], made_flights.clear()):
        frame = predictor.predict(nothing, reasons=reasons).to_frame()
        assert frame.height == 0 and frame.columns[0] == "late_probability"


def test_rows_come_back_in_the_order_they_were_asked_in(predictor: Predictor, tomorrow: pl.DataFrame) -> None:
    order = np.random.default_rng(0).permutation(tomorrow.height)
    whole, shuffled = predictor.predict(tomorrow), predictor.predict(tomorrow[order])
    np.testing.assert_allclose(shuffled.bands, whole.bands[order], atol=1e-6)
    np.testing.assert_array_equal(shuffled.support, whole.support[order])


def test_progress_is_told_of_every_flight(predictor: Predictor, made_flights: pl.DataFrame) -> None:
    done: list[int] = []
    predictor.predict(made_flights[-1500:], reasons=True, progress=done.append)
    assert sum(done) == 1500 and len(done) > 1


def test_what_was_given_is_not_altered(predictor: Predictor, tomorrow: pl.DataFrame) -> None:
    before = tomorrow.clone()
    predictor.predict(tomorrow, past=tomorrow, timetable_of=tomorrow, reasons=True)
    assert tomorrow.equals(before)


def test_a_bundle_read_back_from_its_bytes_says_the_same(
    predictor: Predictor, made_bundle: Bundle, tomorrow: pl.DataFrame
) -> None:
    again = Predictor(from_bytes(to_bytes(made_bundle)[1], "made"), threads=1)
    np.testing.assert_array_equal(again.predict(tomorrow).bands, predictor.predict(tomorrow).bands)


def test_a_bundle_whose_columns_stand_in_another_order_is_refused(made_bundle: Bundle) -> None:
    turned = replace(made_bundle, manifest=changed(made_bundle.manifest, columns=COLUMNS[::-1]))
    with pytest.raises(BundleError, match="another order"):
        Predictor(turned)


# --- how the model behaves -----------------------------------------------------------------------------------


def test_neither_tail_nor_aircraft_nor_arrival_moves_a_prediction(
    predictor: Predictor, tomorrow: pl.DataFrame
) -> None:
    other = tomorrow.with_columns(
        tail=pl.lit("N999"), aircraft=pl.lit("B77W"), scheduled_arrival=pl.col("scheduled_departure")
    )
    np.testing.assert_array_equal(predictor.predict(tomorrow).bands, predictor.predict(other).bands)


def test_the_outcome_of_a_flight_does_not_move_its_own_prediction(
    predictor: Predictor, tomorrow: pl.DataFrame
) -> None:
    blind = tomorrow.with_columns(
        departed=pl.lit(None, pl.Datetime("us")), cancelled=pl.lit(None, pl.Boolean)
    )
    np.testing.assert_array_equal(predictor.predict(tomorrow).bands, predictor.predict(blind).bands)


def worse_by(minutes: int, flights: pl.DataFrame) -> pl.DataFrame:
    return flights.with_columns(departed=pl.col("departed") + timedelta(minutes=minutes))


def test_a_history_with_more_late_flights_raises_p_late(
    predictor: Predictor, tomorrow: pl.DataFrame, made_flights: pl.DataFrame
) -> None:
    past = made_flights.filter(SCHEDULED < FIRST)
    means = [
        predictor.predict(tomorrow, past=worse_by(by, past)).late_probability.mean()
        for by in (-10, 0, 10, 30)
    ]
    assert means == sorted(means)
    assert means[-1] > means[0] + 0.05


def test_an_airline_that_was_always_late_is_thought_later_than_one_that_never_was(
    predictor: Predictor,
) -> None:
    late, punctual = (flight(airline=airline) for airline in ("B6", "DL"))
    predictions = predictor.predict([late, punctual]).late_probability
    assert predictions[0] > predictions[1]


def test_the_evening_is_thought_later_than_the_morning(predictor: Predictor, tomorrow: pl.DataFrame) -> None:
    predictions = predictor.predict(tomorrow)
    hour = tomorrow["scheduled_departure"].dt.hour().to_numpy()
    assert predictions.late_probability[hour >= 18].mean() > predictions.late_probability[hour < 10].mean()
