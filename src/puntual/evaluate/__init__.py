"""Score predictions against what happened, with numpy alone: no training library is needed."""

from puntual.evaluate.bootstrap import Measure, paired_difference
from puntual.evaluate.curves import Curve, Curves, ReliabilityBin, curves
from puntual.evaluate.losses import baseline_bands, log_losses
from puntual.evaluate.ranking import roc_auc
from puntual.evaluate.sample import Outcomes, Predicted
from puntual.evaluate.scores import Evaluation, GroupScores, Scores, score
from puntual.evaluate.threshold import Cost, best_threshold, parse_cost

__all__ = [
    "Cost",
    "Curve",
    "Curves",
    "Evaluation",
    "GroupScores",
    "Measure",
    "Outcomes",
    "Predicted",
    "ReliabilityBin",
    "Scores",
    "baseline_bands",
    "best_threshold",
    "curves",
    "log_losses",
    "paired_difference",
    "parse_cost",
    "roc_auc",
    "score",
]
