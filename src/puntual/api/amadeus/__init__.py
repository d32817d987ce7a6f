"""The flight-delay service of Amadeus as its client library calls it, answered by the one predictor.

Nothing of its words stands outside this package: the application adds `ROUTES` and describes their `SECURITY`, lets
those of `PATHS` ask for tokens of their own, and has `answer_problem` write what goes wrong there.
"""

from puntual.api.amadeus.routes import PATHS, ROUTES, SECURITY
from puntual.api.amadeus.vendor_errors import answer_problem

__all__ = ["PATHS", "ROUTES", "SECURITY", "answer_problem"]
