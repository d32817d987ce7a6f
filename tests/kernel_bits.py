"""All that the kernels work out of some flights, as bytes by name: python tests/kernel_bits.py [interpreted]."""

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from puntual.features.vector import Matrix

KERNELS = ("puntual.features.kernel", "puntual.features.layout_kernel", "puntual.prediction.band_kernel")


def interpret_kernels() -> None:
    """Read the kernels' sources, compiled or not, as whoever has no compiler does."""
    for name in KERNELS:
        room = importlib.util.find_spec(name.rpartition(".")[0])
        assert room is not None and room.origin is not None
        spec = importlib.util.spec_from_file_location(
            name, Path(room.origin).with_name(f"{name.rpartition('.')[2]}.py")
        )
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


def bits() -> dict[str, str]:
    """Make vectors in all ways, and of noise calibrated bands and what is read from them."""
    import numpy as np

    from flights_made import make_flights
    from puntual.features.states import CONDITIONS, STATES, places_of
    from puntual.flights.flight import LateRule
    from puntual.prediction.calibration import Calibration, DelayShape, Level, Scaling
    from puntual.training.dataset import Dataset

    flights = make_flights(days=80, per_day=10)
    rows = np.arange(flights.height)
    training = Dataset(flights, LateRule.FROM_15).learn(rows[:500])
    made = {f"under {each.name}": training.under(each, rows) for each in CONDITIONS}
    made |= {f"fitting {state.name}": training.for_fitting(state, rows) for state in STATES}
    matrix = np.concatenate(list(made.values()))
    chance = np.random.default_rng(0)
    raw = chance.dirichlet((4, 1, 1, 0.5, 0.01), len(matrix))
    scaling = Scaling(0.9, (0.0, 0.1, -0.2, 0.3, -0.1), (0.2,) * 5, (-0.2, -2.0, -2.5, -3.0, -3.5), 0.7)
    scalings = {state.name: scaling for state in STATES}
    bands = Calibration(scalings, Level((0.1, 0.2, 0.3, 0.1), 0.22)).apply(raw, matrix)
    shape = DelayShape(np.sort(chance.normal(20, 30, (5, 21))), np.arange(5.0) * 30)
    made |= {"states": places_of(matrix), "bands": bands}
    made |= {"sums of trees": _sums(matrix[:500])}
    made |= {"expected": shape.expected_minutes(bands), "quantiles": shape.quantile_minutes(bands)}
    return {name: hashlib.sha256(values.tobytes()).hexdigest() for name, values in made.items()}


def _sums(matrix: "Matrix") -> "NDArray[np.float32]":
    """Add up eight made trees of three nodes, and eight leaves, over vectors."""
    import numpy as np

    from puntual.prediction import band_kernel

    chance, width = np.random.default_rng(1), matrix.shape[1]
    nodes = np.zeros((8 * 3, 4), np.int32)
    splits = nodes.view(np.float32)
    columns = chance.integers(0, 20, 8)
    nodes[:8, 0], nodes[:8, 2] = columns + width * (np.arange(8) % 2), 4 * (8 + 2 * np.arange(8))
    splits[:8, 1] = np.nanmedian(matrix[:, columns], axis=0)
    nodes[8:, 2], nodes[8:, 3], splits[8:, 1] = 4 * np.arange(8, 24), np.arange(16), -np.inf
    roots = 4 * np.concatenate([np.arange(8), np.arange(16, 24)]).astype(np.int32)
    # Leaves that speak for all bands, and such as speak for one.
    sums = []
    for bands in (5, 1):
        weights = chance.normal(0, 1, (16, bands)).astype(np.float32)
        logits, reached = np.zeros((len(matrix), 5), np.float32), np.zeros(8, np.int32)
        first = np.arange(16, dtype=np.int32) % (6 - bands)
        shown = np.empty((band_kernel.SHOWN, 2 * width), np.float32)
        trees = (roots, np.array([1, 0], np.int32), nodes.ravel(), splits.ravel(), weights, first)
        views = (array.data for array in (*trees, np.ascontiguousarray(matrix), shown, reached, logits))
        band_kernel.sum_leaves(*views)
        sums.append(logits)
    logits = np.hstack(sums)
    assert len(np.unique(logits, axis=0)) > 8
    return logits


if __name__ == "__main__":
    if sys.argv[1:] == ["interpreted"]:
        interpret_kernels()
    from puntual.features import kernel

    print(json.dumps({"compiled": kernel.is_compiled(), "bits": bits()}))
