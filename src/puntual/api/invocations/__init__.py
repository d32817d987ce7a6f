"""`GET /ping` and `POST /invocations`, as SageMaker and MLflow's scoring server define them."""
