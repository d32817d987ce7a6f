"""What the pipeline raises."""

from puntual.errors import PuntualError


class DeployError(PuntualError):
    """A release or roll-back that did not come about; the message says what runs now."""
