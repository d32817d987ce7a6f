"""A bundle that is to answer in earnest, loaded and asked before it does."""

from puntual.errors import BundleError, PuntualError
from puntual.flights import airports
from puntual.prediction.predictor import Predictor
from puntual.registry import Bundle


def load_proven(bundle: Bundle) -> Predictor:
    """Load a bundle for one thread and ask it; raise BundleError where it does not answer, whatever the reason."""
    try:
        predictor = Predictor(bundle, threads=1)
        p_late = predictor.reference_late_probability
        # The first flight asked about should not wait for the world's airports to be read.
        airports.look_up(bundle.manifest.airports[0])
    except PuntualError:
        raise
    except Exception as error:
        raise BundleError(
            f"bundle {bundle.version}: it cannot be asked ({type(error).__name__}: {error}); "
            "train or fetch it again"
        ) from error
    if not 0 <= p_late <= 1:
        raise BundleError(f"bundle {bundle.version}: it answers {p_late}, no probability; train it again")
    return predictor
