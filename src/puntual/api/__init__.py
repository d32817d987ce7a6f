"""The REST API: what is asked and answered over HTTP, and the server that answers it."""
