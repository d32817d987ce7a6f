"""What connections write to: the head and the body of an answer go out together, and a last answer can be read."""

import asyncio
from typing import Any

_LINGER_BYTES = 64 * 1024 * 1024


class Corked:
    """A transport that holds what is written until the loop turns, and then sends it as one."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        """Write to a transport; a last answer has `patience` seconds to be read."""
        self._transport, self._loop, self._patience = transport, loop, patience
        self._held: list[bytes] = []
        self._bytes_to_drop = _LINGER_BYTES
        self._end: asyncio.TimerHandle | None = None
        # Whether the other side has more to say than the answer waits for.
        self.unread = False

    def write(self, data: bytes) -> None:
        """Send something, with all else that is written at this turn."""
        if self._end is not None:
            return
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)

    def write_now(self, data: bytes) -> None:
        """Send something whole without waiting for more, after what is held."""
        if self._end is not None:
            return
        self.flush()
        if not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Send what is held, and close; while the other side still sends, only once it has had time to read."""
        self.flush()
        if not self.unread or self._end is not None or self._transport.is_closing():
            self.close_now()
            return
        self._end = self._loop.call_later(self._patience, self.close_now)
        self._transport.write_eof()
        self._transport.resume_reading()

    def close_now(self) -> None:
        """Close, whatever the other side does."""
        if self._end is not None:
            self._end.cancel()
        self._transport.close()

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            held, self._held = self._held, []
            # Where the other side is gone nobody reads it, and the transport would raise.
            if not self._transport.is_closing():
                self._transport.write(b"".join(held))

    def is_closing(self) -> bool:
        """Tell whether nothing more is taken, in or out."""
        return self._end is not None or self._transport.is_closing()

    def drop(self, data: bytes) -> None:
        """Take what comes after the last answer, up to a limit, for nothing."""
        self._bytes_to_drop -= len(data)
        if self._bytes_to_drop < 0:
            self.close_now()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
