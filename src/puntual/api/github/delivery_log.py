"""The deliveries that were taken already, remembered by all workers of a state folder."""

import contextlib
from pathlib import Path

_MOST = 1_000


class Deliveries:
    """A file without content for each delivery, in `deliveries` in the state folder; the newest thousand stay."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "deliveries"

    def claim(self, name: str) -> bool:
        """Take a delivery; False when it was taken before. Of several who claim one at once, one gets it.

        Raise OSError where nothing can be written down.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            (self._folder / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        self._forget_the_oldest()
        return True

    def _forget_the_oldest(self) -> None:
        files = list(self._folder.iterdir())
        if len(files) <= _MOST:
            return
        ages = []
        for file in files:
            # Another worker may be forgetting it too.
            with contextlib.suppress(FileNotFoundError):
                ages.append((file.stat().st_mtime_ns, file))
        for _, file in sorted(ages)[:-_MOST]:
            file.unlink(missing_ok=True)
