"""Rate limits of the demo's LLM server, in a sliding window and told in OpenAI's headers."""

import math
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from demo.llm_completion import CHARACTERS_PER_TOKEN, ApiError

MINUTE = 60.0


@dataclass
class RateLimits:
    """What any window may hold; a request counts from its arrival, a refused one does not count.

    Attributes:
        requests: most of them; None is no limit. The same for tokens.
        window: seconds; a test shortens the minute.
    """

    requests: int | None = None
    tokens: int | None = None
    window: float = MINUTE
    _taken: deque[tuple[float, int]] = field(default_factory=deque)

    def take(self, body: Any) -> dict[str, str]:
        """Count a request, and give the headers that tell what is left.

        Raises:
            ApiError: 429, where there is no room; its headers tell when there will be.
        """
        now, needed = time.monotonic(), asked_tokens(body)
        while self._taken and self._taken[0][0] <= now - self.window:
            self._taken.popleft()
        wait = max(
            self._wait(now, self.requests, [1] * len(self._taken), 1),
            self._wait(now, self.tokens, [tokens for _, tokens in self._taken], needed),
        )
        if wait:
            seconds, milliseconds = math.ceil(wait), math.ceil(wait * 1000)
            after = {"retry-after": str(seconds), "retry-after-ms": str(milliseconds)}
            words = f"Rate limit reached; please try again in {wait:.3f}s."
            headers = self._headers(now) | after
            raise ApiError(429, words, code="rate_limit_exceeded", headers=headers)
        self._taken.append((now, needed))
        return self._headers(now)

    def _wait(self, now: float, limit: int | None, used: list[int], needed: int) -> float:
        """Give the seconds until the oldest requests that stand in the way have left the window."""
        room = math.inf if limit is None else limit - sum(used)
        wait = 0.0
        for (moment, _), amount in zip(self._taken, used, strict=True):
            if room >= needed:
                break
            room += amount
            wait = moment + self.window - now
        return wait if room >= needed else self.window

    def _headers(self, now: float) -> dict[str, str]:
        headers = {}
        oldest = self._taken[0][0] if self._taken else now - self.window
        reset = f"{math.ceil((oldest + self.window - now) * 1000)}ms"
        used = {"requests": len(self._taken), "tokens": sum(tokens for _, tokens in self._taken)}
        for name, limit in (("requests", self.requests), ("tokens", self.tokens)):
            if limit is not None:
                headers[f"x-ratelimit-limit-{name}"] = str(limit)
                headers[f"x-ratelimit-remaining-{name}"] = str(max(0, limit - used[name]))
                headers[f"x-ratelimit-reset-{name}"] = reset
        return headers


def asked_tokens(body: Any) -> int:
    """Give what OpenAI counts before the answer is known: the prompt, and the longest answer."""
    if not isinstance(body, dict):
        return 0
    longest = body.get("max_completion_tokens") or body.get("max_tokens") or 0
    prompt = len(str(body.get("messages"))) // CHARACTERS_PER_TOKEN
    return prompt + (longest if isinstance(longest, int) else 0)
