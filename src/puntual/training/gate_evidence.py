"""What the gate judges by, measured while the test flights are at hand."""

from datetime import timedelta

import numpy as np

from puntual.errors import BundleError, RegistryError
from puntual.evaluation import Measure, baseline_bands, log_losses, paired_difference
from puntual.evaluation.gate import Evidence, feature_auc
from puntual.evaluation.splits import Rows, moment
from puntual.features.states import MAIN
from puntual.features.vector import COLUMNS
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle, Registry
from puntual.sources import FlightTable
from puntual.training.backtesting import EvaluatedModel
from puntual.training.experiment import Experiment

_FEWEST_SHARED = 200


def gather_evidence(
    experiment: Experiment, evaluated: EvaluatedModel, table: FlightTable, registry: Registry
) -> Evidence:
    """Compare the winner with the baseline and the champion on the test flights, and look for golden features."""
    dataset, split = experiment.dataset, experiment.split
    losses = log_losses(evaluated.predicted.bands, dataset.bands[split.test])
    baseline = baseline_bands(dataset.bands[split.before_test], len(split.test))
    day = dataset.keys.day[split.test].astype(np.int32)
    champion, difference = _against_champion(experiment, losses, registry)
    scheduled = dataset.flights["scheduled_departure"]
    vectors = experiment.vectors(split.train)
    return Evidence(
        test=evaluated.scores[MAIN.name],
        train_until=moment(scheduled, split.before_test[-1]) + timedelta(minutes=1),
        test_from=moment(scheduled, split.test[0]),
        baseline_difference=paired_difference(losses, log_losses(baseline, dataset.bands[split.test]), day),
        champion_version=champion,
        champion_difference=difference,
        feature_auc=feature_auc(
            vectors.full(split.train),
            dataset.late[split.train],
            vectors.full(split.validation),
            dataset.late[split.validation],
            COLUMNS,
        ),
        data_digest=table.digest,
    )


def _against_champion(
    experiment: Experiment, losses: np.typing.NDArray[np.float64], registry: Registry
) -> tuple[str | None, Measure | None]:
    """Score the champion on those test flights that it had not been trained on."""
    version = registry.champion()
    if version is None:
        return None, None
    try:
        bundle = registry.read(version)
        champion = Predictor(bundle, tested=bundle.tested is not None)
    except (BundleError, RegistryError):
        # Of a former release, or not here: a new model must be trained all the same, and the gate says what is missing.
        return None, None
    shared = _unseen_by(bundle, experiment)
    if len(shared) < _FEWEST_SHARED:
        return None, None
    dataset, rows = experiment.dataset, experiment.split.test[shared]
    predicted = champion.predict(dataset.flights[rows], past=dataset.flights, timetable_of=dataset.flights)
    theirs = log_losses(predicted.bands, dataset.bands[rows])
    day = dataset.keys.day[rows].astype(np.int32)
    return version, paired_difference(losses[shared], theirs, day)


def _unseen_by(bundle: Bundle, experiment: Experiment) -> Rows:
    """Find the test flights from the day on which the champion's own test began."""
    scheduled = experiment.dataset.flights["scheduled_departure"].gather(experiment.split.test)
    return np.flatnonzero((scheduled >= bundle.manifest.split.test_from).to_numpy())
