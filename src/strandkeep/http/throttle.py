"""The rates, at the edge: whoever calls too often is told when to come again."""

import math
import time
from collections.abc import Callable, Mapping

from strandkeep.domain.rates import Buckets
from strandkeep.errors import ThrottlingException


class Throttle:
    """Lets calls through at the rates (operation → calls per second and account); an operation without one always."""

    def __init__(self, rates: Mapping[str, float], clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._buckets = Buckets(rates)
        self._clock = clock

    def admit(self, account: str, operation: str) -> None:
        """Take a call from an account's allowance; ThrottlingException, with the time to wait, when it is used up."""
        wait = self._buckets.take(account, operation, self._clock())
        if wait:
            raise ThrottlingException(
                f"{operation} is limited to {self._rates[operation]:g} calls per second for an account: "
                f"send this again in {wait:.3f} s, as the standard retry mode of the AWS SDKs does.",
                retry_after_ms=math.ceil(wait * 1000),
            )
