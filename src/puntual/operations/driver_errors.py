"""What a database's driver says of a failure."""


def first_line(error: Exception) -> str:
    """Say what the driver said; the rest of its message may repeat the whole statement."""
    return (str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__])[0]
