"""Builds, runs and releases on this machine what otherwise happens in a cloud: `make rehearse`."""
