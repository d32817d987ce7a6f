"""The whole way from a push to a release, walked without a cloud: `make rehearse`."""
