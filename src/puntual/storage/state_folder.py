"""The folder of what a service keeps for itself: nobody but its owner reads it."""

import os
import stat
from pathlib import Path


def make_private(folder: Path) -> None:
    """Make a folder that only its owner can open; one that is there is closed to others.

    One of another owner, or for all to write to as /tmp is, stays as it is: the files in it are private still.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.stat()
    if status.st_mode & 0o077 and not status.st_mode & stat.S_ISVTX and status.st_uid == os.getuid():
        folder.chmod(0o700)
