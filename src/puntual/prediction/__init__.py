"""The one path from flights to predictions: model, calibration, distribution and reasons."""
