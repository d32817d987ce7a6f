"""`puntual serve` without the outside protocols, to see what they cost `POST /predict`: nothing, it should be.

python -m benchmarks.native_alone serve --port 8000
"""

from puntual.api import amadeus, app
from puntual.api.invocations import routes as invocations
from puntual.api.predict.microbatch import MicroBatcher
from puntual.api.predict.response import rows_of
from puntual.cli import main
from puntual.prediction.predictions import Predictions


def _rows(self: MicroBatcher, predictions: Predictions, _: object, horizons: list[int]) -> list[object]:
    """Read the rows without a look for what was missing, which only other words than the contract's leave out."""
    return [*rows_of(predictions, self._threshold, horizons)]


if __name__ == "__main__":
    amadeus.ROUTES = invocations.ROUTES = ()
    app._ANSWER_BY_PATH.clear()
    MicroBatcher._rows = _rows
    main()
