"""The one path from flights to predictions: terminal, Python and the service all come through here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from puntual.errors import BundleError
from puntual.features import history, route, timetable
from puntual.features.flight_keys import Days, Keys, view
from puntual.features.live_vector import GROUPS_NOW, LIVE_COLUMNS
from puntual.features.rotation import NO_TURNS, turns_from
from puntual.features.states import LIVE_STATES, State, knows_history, places_of, withhold
from puntual.features.timetable import Timetable
from puntual.features.vector import COLUMNS, GROUPS, Lookups, Matrix, vectorise
from puntual.flights.arrays import Columns
from puntual.flights.flight import BAND_COUNT, Flight, Target
from puntual.prediction import band_kernel, calibration, questions
from puntual.prediction.continued_history import ClosedHistory, pack
from puntual.prediction.experts import Model, live_states
from puntual.prediction.flight_inputs import FlightReader
from puntual.prediction.predictions import SUPPORT_LEVELS, Predictions
from puntual.prediction.shapley import reasons_of
from puntual.prediction.twice_shown import warn_of_twice
from puntual.prediction.warnings import KnownWorld
from puntual.registry import Bundle, Registry, require_columns

if TYPE_CHECKING:
    import polars as pl

BATCH = 65_536
_SUPPORT_COLUMNS = tuple(COLUMNS.index(f"{level}_support_60d") for level in SUPPORT_LEVELS)
_EPOCH = date(1970, 1, 1)
_NOTHING_NOW = np.full(len(LIVE_COLUMNS), np.nan, np.float32)
Progress = Callable[[int], object]


class Predictor:
    """A bundle, loaded to predict flights."""

    def __init__(self, bundle: Bundle, *, tested: bool = False, threads: int = 0) -> None:
        """Load the model of a bundle; `tested` takes the one that had not seen the test, with all that it learnt.

        `threads` is the number that the model may use, 0 for all cores. Raise BundleError where it does not answer
        its stored questions as it did when it was written.
        """
        require_columns(bundle, COLUMNS)
        _require_order(bundle)
        tables = bundle.tables
        prefix = "tested_" if tested else ""
        experts = bundle.tested if tested and bundle.tested else bundle.experts
        manifest = bundle.manifest
        self._model = Model(
            experts, manifest.expert_columns, manifest.candidate, threads, mixtures=manifest.mixtures
        )
        self._calibration = calibration.from_table(tables[f"{prefix}calibration"])
        self._shape = calibration.shape_from_table(tables["delay_shape"])
        now = tables["live_reference"]["value"] if "live_reference" in tables else _NOTHING_NOW
        self._reference = np.concatenate([tables["reference"]["value"], now])
        typical = timetable.typical_timetable(tables[f"{prefix}typical_week"])
        named = history.keys_of_rows(tables["history"])
        self._lookups = Lookups(
            route.vocabulary_from(tables[f"{prefix}vocabulary"]),
            typical,
            history.build_history(tables["history"], named),
        )
        closed = (bundle.manifest.history_until - _EPOCH).days
        self._closed = ClosedHistory(
            pack(tables["history"], named), closed, bundle.manifest.late_rule, typical
        )
        first, last = ((moment.date() - _EPOCH).days for moment in bundle.manifest.period)
        routes = frozenset(_pairs(tables["routes"], "origin", "destination")) if "routes" in tables else None
        # What an older bundle has not learnt it does not answer by.
        self.live_states = live_states(experts, manifest.mixtures)
        self.turns = turns_from(tables[f"{prefix}turns"]) if f"{prefix}turns" in tables else NO_TURNS
        self._require_same_answers(bundle, prefix)
        # Codes of airports that nobody lists and training saw, with their time zones, empty where not known.
        self.unlisted = dict(_pairs(tables.get("unlisted_airports"), "code", "time_zone"))
        # What the table did not tell of its flights the model knows nothing of, whatever a request says.
        self._absent = bundle.manifest.absent
        self._reader = FlightReader(
            bundle.manifest.late_rule, bundle.manifest.target, self._absent, self.unlisted
        )
        self._world = KnownWorld(first, last, routes, self._lookups.vocabulary)
        # What has been loaded is not held twice.
        self.bundle = bundle.without_content()

    @property
    def target(self) -> Target:
        """The delay that is predicted: of departure, or of arrival."""
        return self.bundle.manifest.target

    @property
    def delay_shape(self) -> calibration.DelayShape:
        """How delays lie within each band."""
        return self._shape

    @classmethod
    def load(cls, registry: str = "models", version: str | None = None, *, threads: int = 0) -> "Predictor":
        """Load a version of a registry, a bundle by its path, or the champion."""
        return cls(Registry(registry).read(version), threads=threads)

    @property
    def reference_late_probability(self) -> float:
        """P(late) of the flight that reasons compare with."""
        return float(self._late_probability(self._reference[np.newaxis, : len(COLUMNS)])[0])

    def continued(self, operated: history.OperatedFlights, today: Mapping[str, int]) -> "Predictor":
        """Give this predictor with what flights did since its bundle was closed.

        `operated` are flights by the delay that this predictor's `target` names, and `today` holds the local day (since
        1970) of the airports whose days count once they are over.
        """
        going_on = copy(self)
        going_on._lookups = replace(self._lookups, history=self._closed.continued(operated, today))
        return going_on

    def with_past(self, past: "pl.DataFrame") -> "Predictor":
        """Give this predictor with the history of past flights, as `predict` takes them, for several tables."""
        other = copy(self)
        other._lookups = self._reader.with_past(self._lookups, past)
        return other

    def predict(
        self,
        flights: "pl.DataFrame | Iterable[Flight]",
        as_of: datetime | None = None,
        *,
        past: "pl.DataFrame | None" = None,
        elsewhere: Columns | None = None,
        timetable_of: "pl.DataFrame | None" = None,
        live: Matrix | None = None,
        closed: Days | None = None,
        reasons: bool = False,
        progress: Progress | None = None,
    ) -> Predictions:
        """Predict how late each flight will be, from what is known the day before it or before `as_of`.

        `past` are flights with operations to take the history from, instead of the closing history of the
        bundle, for a model of arrivals as `sources.toward` gives them; only operations of days before the flight, and
        before the day of `as_of`, are used. Where they are those of some airports, `elsewhere` holds the network's
        other counts, as `features.history.build_history` takes them.
        `timetable_of` is the timetable of the days to predict; without it, an airport's day counts as known
        when `flights` hold most of a usual day's departures, and is taken from the typical week otherwise.
        `live` holds what is known of each flight as its day unfolds, from `features.live_vector.live_columns` with
        the bundle's `turns`, shape (n, live columns); where the bundle has no expert for it, the day before answers.
        `closed` (n,) is the day (since 1970) before which operations are known of each flight, where its cut-off lies
        on the day before it.
        `progress` is called with the number of flights done, batch after batch. Of an airport that nobody lists a
        table may hold the code, as its reader notes; a Flight may only where training saw it, else
        UnknownAirportError is raised.
        """
        inputs = self._reader.inputs(flights, self._lookups, as_of, past, timetable_of, elsewhere)
        if closed is not None:
            inputs = inputs._replace(closed=np.minimum(inputs.closed, closed))
        answered = self._answer(*inputs, live=live, reasons=reasons, progress=progress)
        return warn_of_twice(answered, inputs.keys, self.unlisted)

    def predict_keys(
        self,
        keys: Keys,
        closed: Days,
        known: Timetable,
        *,
        live: Matrix | None = None,
        reasons: bool = False,
    ) -> Predictions:
        """Predict n flights by their keys, the timetable of some days being known.

        `closed` (n,) is the day before which operations are known, at the latest the flight's own; `live` is what
        `predict` takes.
        """
        keys = keys.without(self._absent)
        is_known = known.departures_of_the_day(keys) > 0
        return self._answer(keys, self._lookups, known, is_known, closed, live=live, reasons=reasons)

    def vectors_of(
        self,
        flights: "pl.DataFrame | Iterable[Flight]",
        as_of: datetime | None = None,
        *,
        past: "pl.DataFrame | None" = None,
        timetable_of: "pl.DataFrame | None" = None,
    ) -> Matrix:
        """Make the vectors that `predict` gives the model, from the same arguments; shape (n, columns)."""
        return vectorise(*self._reader.inputs(flights, self._lookups, as_of, past, timetable_of))

    def bands(self, matrix: Matrix) -> NDArray[np.float64]:
        """Give the calibrated probabilities of the bands for n vectors, shape (n, 5)."""
        return self._calibration.apply(self._model.bands(matrix).astype(np.float64), matrix)

    def _answer(
        self,
        keys: Keys,
        lookups: Lookups,
        known: Timetable,
        is_known: NDArray[np.bool_],
        closed: Days,
        *,
        live: Matrix | None = None,
        reasons: bool = False,
        progress: Progress | None = None,
    ) -> Predictions:
        """Ask the model about flights, and read from the bands all that is predicted of each."""
        # Keys recur across a whole table, so vectors are made at once; the model predicts batch by batch.
        matrix = vectorise(keys, lookups, known, is_known, closed)
        if live is not None and self.live_states:
            matrix = withhold(np.hstack([matrix, live]), self.live_states)
        bands, why = self._infer(matrix, reasons, progress)
        manifest = self.bundle.manifest
        late_probability = bands[:, 1:].sum(axis=1)
        states = places_of(matrix)
        has_history = knows_history(matrix)
        last = np.minimum(np.minimum(keys.day, closed), lookups.history.end) - 1
        supports = np.empty((len(matrix), len(_SUPPORT_COLUMNS)), np.int64)
        band_kernel.counts(view(matrix), _SUPPORT_COLUMNS, view(supports))
        return Predictions(
            bands=bands,
            late_probability=late_probability,
            expected_minutes=self._shape.expected_minutes(bands),
            quantiles=self._shape.quantile_minutes(bands),
            late=late_probability >= manifest.threshold,
            threshold=manifest.threshold,
            threshold_rule=manifest.threshold_rule,
            supports=supports,
            timetable_known=is_known,
            history_until=np.where(has_history, last, -1),
            states=states,
            warnings=self._world.warnings(keys, has_history),
            reasons=why,
        )

    def _require_same_answers(self, bundle: Bundle, prefix: str) -> None:
        live = [state for state in LIVE_STATES if state.name in self.live_states]
        states_by_table: dict[str, list[State]] = {"questions": []} | (
            {"live_questions": live} if live else {}
        )
        for name, states in states_by_table.items():
            table = bundle.tables.get(prefix + name, {})
            matrix = questions.vectors_of(table, bundle.version, states)
            raw = self._model.bands(matrix)
            bands = self._calibration.apply(raw.astype(np.float64), matrix)
            questions.require_same_answers(table, raw, bands, bundle.version)

    def _infer(
        self, matrix: Matrix, reasons: bool, progress: Progress | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        if len(matrix) <= BATCH and not reasons and progress is None:
            return self.bands(matrix), None
        groups = (*GROUPS, *GROUPS_NOW)[: len(GROUPS) if matrix.shape[1] == len(COLUMNS) else None]
        bands, why = [np.empty((0, BAND_COUNT))], [np.empty((0, len(groups)))]
        size = max(1, BATCH >> len(groups)) if reasons else BATCH
        for batch in (matrix[start : start + size] for start in range(0, len(matrix), size)):
            bands.append(self.bands(batch))
            if reasons:
                why.append(reasons_of(batch, self._reference, self._late_probability))
            if progress is not None:
                progress(len(batch))
        return np.concatenate(bands), np.concatenate(why) if reasons else None

    def _late_probability(self, matrix: Matrix) -> NDArray[np.float64]:
        late: NDArray[np.float64] = self.bands(matrix)[:, 1:].sum(axis=1)
        return late


def _pairs(table: Columns | None, first: str, second: str) -> Iterator[tuple[str, str]]:
    """Give two columns of a table row by row; nothing where there is none."""
    return zip(table[first].tolist(), table[second].tolist(), strict=True) if table else iter(())


def _require_order(bundle: Bundle) -> None:
    if bundle.manifest.columns != COLUMNS:
        raise BundleError(
            f"bundle {bundle.version}: its columns are in another order or number than this Puntual's "
            f"{len(COLUMNS)}; install puntual {bundle.manifest.puntual}, or train again"
        )
