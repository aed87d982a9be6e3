"""Rate limits and size limits, in the memory of one process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_REMEMBERED = 20_000


@dataclass(kw_only=True)
class Limiter:
    """Buckets of permissions that fill again evenly, one a key; the keys longest unused are forgotten.

    most : permissions in a full bucket
    per_s : how long a bucket takes to fill
    """

    most: float
    per_s: float
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def allows(self, key: str) -> bool:
        """Take a permission, if there is one."""
        with self._lock:
            now = self.clock()
            left, since = self._buckets.pop(key, (self.most, now))
            left = min(self.most, left + (now - since) * self.most / self.per_s)
            allowed = left >= 1
            self._buckets[key] = (left - 1 if allowed else left, now)
            if len(self._buckets) > MOST_REMEMBERED:
                self._buckets.popitem(last=False)
            return allowed
