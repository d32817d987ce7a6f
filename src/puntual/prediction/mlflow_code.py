"""The code of an exported MLflow model: it reads a table as `puntual predict` does, and writes what that writes."""

from datetime import datetime
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from puntual.flights.schema import TIMETABLE_FIELDS
from puntual.prediction.predictor import Predictor
from puntual.prediction.table_io import laid_out
from puntual.sources import OPTIONAL, read_plain


class PuntualModel(PythonModel):
    """A bundle that MLflow asks."""

    def load_context(self, context: Any) -> None:
        """Load the bundle, once."""
        self._predictor = Predictor.load(version=context.artifacts["bundle"])

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Predict how late the flights of a table will be, in its order; `as_of` among `params` is the cut-off."""
        del context
        rule = self._predictor.bundle.manifest.late_rule
        zones = {code: zone for code, zone in self._predictor.unlisted.items() if zone}
        given = model_input.to_csv(index=False).encode()
        table = read_plain(given, "the input", ".csv", rule, time_zones=zones, may_lack=OPTIONAL)
        as_of = (params or {}).get("as_of")
        cut_off = datetime.fromisoformat(as_of) if as_of else None
        predictions = self._predictor.predict(table.flights, cut_off)
        return pd.DataFrame(laid_out(table, predictions).drop(TIMETABLE_FIELDS).to_dict(as_series=False))


set_model(PuntualModel())
