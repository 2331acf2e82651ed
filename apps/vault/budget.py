"""How much one run of verifying may read."""

import math
import time


class Budget:
    """Bytes and seconds; without arguments there is no end to either."""

    def __init__(self, *, nbytes: float = math.inf, seconds: float = math.inf) -> None:
        self._bytes = nbytes
        self._until = time.monotonic() + seconds
        self._spent = 0

    def has_room(self, size: int) -> bool:
        """Whether so much more may be read. What exceeds a whole budget is read as the first of a run."""
        return time.monotonic() < self._until and (not self._spent or self._spent + size <= self._bytes)

    def spend(self, size: int) -> None:
        """Note what was read."""
        self._spent += size
