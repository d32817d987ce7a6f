"""The one path from flights to predictions: terminal, Python and the service all come through here."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from puntual.errors import BundleError
from puntual.features import history, route, timetable
from puntual.features.flight_keys import Days, Keys, keys_of_flights
from puntual.features.spec import Group
from puntual.features.states import knows_history, part, places_of
from puntual.features.timetable import Timetable
from puntual.features.vector import COLUMNS, GROUPS, Lookups, Matrix, vectorise
from puntual.flights.arrays import Columns
from puntual.flights.flight import BAND_COUNT, Flight
from puntual.prediction import calibration, distribution, questions
from puntual.prediction.onnx_model import Model
from puntual.prediction.predictions import SUPPORT_LEVELS, Predictions
from puntual.prediction.shapley import shapley
from puntual.prediction.warnings import KnownWorld, known_world
from puntual.registry import Bundle, Registry, require_columns

if TYPE_CHECKING:
    import polars as pl

BATCH, _REASONED_BATCH = 65_536, 1_024
# A day's timetable is taken as known when the flights to predict are most of a usual day's.
_MOST_OF_A_DAY = 0.8
_SUPPORT_COLUMNS = [COLUMNS.index(f"{level}_support_60d") for level in SUPPORT_LEVELS]
_HISTORY_GROUP = GROUPS.index(Group.HISTORY)
Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors of n flights and what they were made with.

    `matrix` (n, columns); `supports` (n, 4) the flights of the last sixty days at each of `SUPPORT_LEVELS`;
    `timetable_known` (n,); `history_until` (n,) the last day of operations used, as days since 1970 or -1 for none;
    `states` (n,) the place of the state of knowledge in `features.states.STATES`; `warnings` (n,) sums of
    `prediction.warnings.BITS`.
    """

    matrix: Matrix
    supports: NDArray[np.int64]
    timetable_known: NDArray[np.bool_]
    history_until: Days
    states: NDArray[np.int8]
    warnings: NDArray[np.int64]


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
        self._model = Model(experts, bundle.manifest.expert_columns, bundle.manifest.candidate, threads)
        self._calibration = calibration.from_table(tables[f"{prefix}calibration"])
        self._shape = distribution.from_table(tables["delay_shape"])
        self._reference = tables["reference"]["value"]
        self._lookups = Lookups(
            route.vocabulary_from(tables[f"{prefix}vocabulary"]),
            timetable.typical_timetable(tables[f"{prefix}typical_week"]),
            history.build_history(tables["history"]),
        )
        # What the table did not tell of its flights the model knows nothing of, whatever a request says.
        self._absent = bundle.manifest.absent
        self._world = known_world(bundle.manifest.period, tables.get("routes"))
        self._require_same_answers(bundle, tables[f"{prefix}questions"])
        # Codes of airports that nobody lists and training saw, with their time zones, empty where not known.
        self.unlisted = _unlisted(tables.get("unlisted_airports", {}))
        # What has been loaded is not held twice.
        self.bundle = bundle.without_content()

    @classmethod
    def load(cls, registry: str = "models", version: str | None = None, *, threads: int = 0) -> "Predictor":
        """Load a version of a registry, a bundle by its path, or the champion."""
        return cls(Registry(registry).read(version), threads=threads)

    @property
    def reference_late_probability(self) -> float:
        """P(late) of the flight that reasons compare with."""
        return float(self._late_probability(self._reference[np.newaxis])[0])

    def predict(
        self,
        flights: "pl.DataFrame | Iterable[Flight]",
        as_of: datetime | None = None,
        *,
        past: "pl.DataFrame | None" = None,
        timetable_of: "pl.DataFrame | None" = None,
        reasons: bool = False,
        progress: Progress | None = None,
    ) -> Predictions:
        """Predict how late each flight will be, from what is known the day before it or before `as_of`.

        `past` are flights with operations to take the history from, instead of the closing history of the
        bundle; only operations of days before the flight, and before the day of `as_of`, are used.
        `timetable_of` is the timetable of the days to predict; without it, an airport's day counts as known
        when `flights` hold most of a usual day's departures, and is taken from the typical week otherwise.
        `progress` is called with the number of flights done, batch after batch. Of an airport that nobody lists a
        table may hold the code, as its reader notes; a Flight may only where training saw it, else
        UnknownAirportError is raised.
        """
        vectors = self.vectors_of(flights, as_of, past=past, timetable_of=timetable_of)
        # Keys recur across a whole table, so vectors are made at once; the model predicts batch by batch.
        return self.read(vectors, reasons, progress)

    def vectors_of(
        self,
        flights: "pl.DataFrame | Iterable[Flight]",
        as_of: datetime | None = None,
        *,
        past: "pl.DataFrame | None" = None,
        timetable_of: "pl.DataFrame | None" = None,
    ) -> Vectors:
        """Make the vectors that `predict` gives the model, from the same arguments."""
        keys = self._keys(flights)
        lookups = self._lookups_with(past)
        known = timetable.known_timetable(keys if timetable_of is None else self._keys(timetable_of))
        is_known = _is_known(keys, known, lookups.typical, given=timetable_of is not None)
        return _vectors(keys, lookups, known, is_known, _closed(keys, as_of), self._world)

    def vectors(self, keys: Keys, closed: Days, known: Timetable) -> Vectors:
        """Make the vectors of n flights by their keys, the timetable of some days being known.

        `closed` (n,) is the day before which operations are known, at the latest the flight's own.
        """
        keys = self._as_learnt(keys)
        is_known = _is_known(keys, known, self._lookups.typical, given=True)
        return _vectors(keys, self._lookups, known, is_known, closed, self._world)

    def read(self, vectors: Vectors, reasons: bool = False, progress: Progress | None = None) -> Predictions:
        """Predict the bands of vectors, and read from them all that is predicted of each flight."""
        bands, why = self._infer(vectors.matrix, reasons, progress)
        manifest = self.bundle.manifest
        late_probability = bands[:, 1:].sum(axis=1)
        return Predictions(
            bands=bands,
            late_probability=late_probability,
            expected_minutes=self._shape.expected_minutes(bands),
            quantiles=self._shape.quantile_minutes(bands),
            late=late_probability >= manifest.threshold,
            threshold=manifest.threshold,
            threshold_rule=manifest.threshold_rule,
            supports=vectors.supports,
            timetable_known=vectors.timetable_known,
            history_until=vectors.history_until,
            states=vectors.states,
            warnings=vectors.warnings,
            reasons=why,
        )

    def vectorise(
        self, flights: "pl.DataFrame | Iterable[Flight]", past: "pl.DataFrame | None" = None
    ) -> Matrix:
        """Give the feature vectors of flights that are their days' whole timetable, shape (n, columns)."""
        keys = self._keys(flights)
        known = timetable.known_timetable(keys)
        return vectorise(keys, self._lookups_with(past), known, np.ones(len(keys), bool), keys.day)

    def bands(self, matrix: Matrix) -> NDArray[np.float64]:
        """Give the calibrated probabilities of the bands for n vectors, shape (n, 5)."""
        return self._calibration.apply(self._model.bands(matrix).astype(np.float64), matrix)

    def _require_same_answers(self, bundle: Bundle, table: Columns) -> None:
        matrix = questions.vectors_of(table, bundle.version)
        raw = self._model.bands(matrix)
        bands = self._calibration.apply(raw.astype(np.float64), matrix)
        questions.require_same_answers(table, raw, bands, bundle.version)

    def _keys(self, flights: "pl.DataFrame | Iterable[Flight]") -> Keys:
        if not _is_table(flights):
            return self._as_learnt(keys_of_flights(cast("Iterable[Flight]", flights), self.unlisted))
        from puntual.features.from_frame import canonical, keys_of

        return self._as_learnt(keys_of(canonical(flights)))

    def _as_learnt(self, keys: Keys) -> Keys:
        return keys.without(self._absent) if self._absent else keys

    def _lookups_with(self, past: "pl.DataFrame | None") -> Lookups:
        if past is None:
            return self._lookups
        from puntual.features.from_frame import canonical, operations_of

        operations = operations_of(canonical(past), self.bundle.manifest.late_rule)
        return replace(self._lookups, history=history.build_history(operations))

    def _infer(
        self, matrix: Matrix, reasons: bool, progress: Progress | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        if len(matrix) <= BATCH and not reasons and progress is None:
            return self.bands(matrix), None
        bands, why = [np.empty((0, BAND_COUNT))], [np.empty((0, len(GROUPS)))]
        for batch in _batches(matrix, _REASONED_BATCH if reasons else BATCH):
            bands.append(self.bands(batch))
            if reasons:
                why.append(self._reasons(batch))
            if progress is not None:
                progress(len(batch))
        return np.concatenate(bands), np.concatenate(why) if reasons else None

    def _reasons(self, matrix: Matrix) -> NDArray[np.float64]:
        """Compare with what the reference flight would be in each row's state: what is not known is no reason."""
        references = np.repeat(self._reference[np.newaxis], len(matrix), axis=0)
        for state, rows in part(matrix):
            references[np.ix_(np.arange(len(matrix))[rows], state.hidden)] = np.nan
        why = shapley(matrix, references, self._late_probability)
        why[~knows_history(matrix), _HISTORY_GROUP] = 0.0
        return why

    def _late_probability(self, matrix: Matrix) -> NDArray[np.float64]:
        late: NDArray[np.float64] = self.bands(matrix)[:, 1:].sum(axis=1)
        return late


def _unlisted(table: Columns) -> dict[str, str]:
    if not table:
        return {}
    return dict(zip(table["code"].tolist(), table["time_zone"].tolist(), strict=True))


def _is_table(flights: object) -> "TypeGuard[pl.DataFrame]":
    # Whoever has a table of Polars has imported it; it is not imported to find out.
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(flights, polars.DataFrame)


def _require_order(bundle: Bundle) -> None:
    if bundle.manifest.columns != COLUMNS:
        raise BundleError(
            f"bundle {bundle.version}: its columns are in another order or number than this Puntual's "
            f"{len(COLUMNS)}; install puntual {bundle.manifest.puntual}, or train again"
        )


def _closed(keys: Keys, as_of: datetime | None) -> Days:
    """Give the day before which operations are known: each flight's own, or that of the cut-off if earlier."""
    if as_of is None:
        return keys.day
    return np.minimum(keys.day, (as_of.date() - date(1970, 1, 1)).days)


def _is_known(keys: Keys, known: Timetable, typical: Timetable, *, given: bool) -> NDArray[np.bool_]:
    """Tell for which flights the timetable at hand is that of their whole day."""
    there = known.departures_of_the_day(keys)
    if given:
        return there > 0
    usual = typical.departures_of_the_day(keys)
    return (usual > 0) & (there >= _MOST_OF_A_DAY * usual)


def _vectors(
    keys: Keys,
    lookups: Lookups,
    known: Timetable,
    is_known: NDArray[np.bool_],
    closed: Days,
    world: KnownWorld,
) -> Vectors:
    matrix = vectorise(keys, lookups, known, is_known, closed)
    last = np.minimum(np.minimum(keys.day, closed), lookups.history.end) - 1
    supports = np.nan_to_num(matrix[:, _SUPPORT_COLUMNS]).astype(np.int64)
    has_history = knows_history(matrix)
    until, warnings = np.where(has_history, last, -1), world.warnings(keys, matrix, has_history)
    return Vectors(matrix, supports, is_known, until, places_of(matrix), warnings)


def _batches(matrix: Matrix, size: int) -> Iterator[Matrix]:
    return (matrix[start : start + size] for start in range(0, len(matrix), size))
