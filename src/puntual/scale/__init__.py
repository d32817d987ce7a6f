"""Tables beyond one machine: read, featurised and scored part by part by the workers of a Dask cluster."""
