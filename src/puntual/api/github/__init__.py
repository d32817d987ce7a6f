"""GitHub's webhook: signed deliveries that make the service fetch the champion."""
