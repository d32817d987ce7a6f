"""Score predictions against what happened, with numpy alone: no training library is needed."""

from puntual.evaluation.bootstrap import Measure, paired_difference
from puntual.evaluation.curves import Curve, Curves, ReliabilityBin, curves
from puntual.evaluation.losses import baseline_bands, log_losses
from puntual.evaluation.ranking import roc_auc
from puntual.evaluation.samples import Outcomes, Predicted
from puntual.evaluation.scores import Evaluation, GroupScores, Scores, score
from puntual.evaluation.threshold import (
    Capacity,
    Cost,
    Precision,
    Rule,
    best_threshold,
    describe_rule,
    parse_cost,
)

__all__ = [
    "Capacity",
    "Cost",
    "Curve",
    "Curves",
    "Evaluation",
    "GroupScores",
    "Measure",
    "Outcomes",
    "Precision",
    "Predicted",
    "ReliabilityBin",
    "Rule",
    "Scores",
    "baseline_bands",
    "best_threshold",
    "curves",
    "describe_rule",
    "log_losses",
    "paired_difference",
    "parse_cost",
    "roc_auc",
    "score",
]
