"""A bundle's predictor in each worker, and its predictions as tables that are written and read back to the bit."""

from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from puntual.errors import StorageError
from puntual.prediction.predictions import Predictions
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle, from_bytes, to_bytes
from puntual.scale.work_folder import WorkFolder

_BUNDLE = "bundle.puntual"
# What a prediction holds for each flight, and in how many columns; reasons come last, in as many as there are.
_WIDTHS = {
    "bands": 5,
    "late_probability": 1,
    "expected_minutes": 1,
    "quantiles": 3,
    "late": 1,
    "supports": 4,
    "timetable_known": 1,
    "history_until": 1,
    "states": 1,
    "warnings": 1,
}


def share_bundle(folder: WorkFolder, bundle: Bundle) -> None:
    """Write a bundle, of which the content is held, for all workers."""
    _, content = to_bytes(bundle)
    folder.store.write(_BUNDLE, content)


@lru_cache(maxsize=2)
def shared_predictor(folder: WorkFolder, tested: bool = False) -> Predictor:
    """Load the bundle that was shared, once in each process; each of its tasks has one thread."""
    content = folder.store.read(_BUNDLE)
    if content is None:
        raise StorageError(
            f"{folder.store.where(_BUNDLE)}: it is gone; expected the bundle of the command; repeat the command"
        )
    return Predictor(from_bytes(content, folder.store.where(_BUNDLE)), tested=tested, threads=1)


def predictions_table(predictions: Predictions) -> pl.DataFrame:
    """Lay all that is predicted of flights out in columns, which lose no bit."""
    columns: dict[str, NDArray[Any]] = {}
    for name, width in _WIDTHS.items():
        values = getattr(predictions, name)
        parts = [values] if width == 1 else values.T
        columns |= {f"{name}_{place}": part for place, part in enumerate(parts)}
    if predictions.reasons is not None:
        columns |= {f"reasons_{place}": part for place, part in enumerate(predictions.reasons.T)}
    return pl.DataFrame(columns)


def predictions_from(table: pl.DataFrame, bundle: Bundle) -> Predictions:
    """Read back what `predictions_table` laid out."""
    values = {name: _read(table, name, width) for name, width in _WIDTHS.items()}
    reasons = sum(name.startswith("reasons_") for name in table.columns)
    return Predictions(
        **values,
        threshold=bundle.manifest.threshold,
        threshold_rule=bundle.manifest.threshold_rule,
        reasons=_read(table, "reasons", reasons) if reasons else None,
    )


def _read(table: pl.DataFrame, name: str, width: int) -> NDArray[Any]:
    if width == 1:
        return table[f"{name}_0"].to_numpy()
    return np.column_stack([table[f"{name}_{place}"].to_numpy() for place in range(width)])
