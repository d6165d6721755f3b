"""The rate limit of a server, as plain numbers: when the next request may leave.

Requests leave one after the other, evenly spaced, never in a burst: with L allowed in a window, a
request every (window + margin) / L seconds. Any window then sees at most L of them, wherever it
begins, as long as each arrives within `margin` of the moment it was given. Tokens have a line of
their own, on which a request takes room by its tokens. (It is the generic cell rate algorithm of
ATM Forum TM 4.0, with no tolerance for bursts.)
"""

from dataclasses import dataclass, replace

from dynosaur_etl.domain.chat import ChatRequest

BYTES_PER_TOKEN = 3
"""Fewer than the 4 of plain English, so that rather too many tokens are counted."""

LONGEST_PAUSE = 30.0
_MOST_STRIKES = 10
_RECOVERY = 1.25
_FURTHEST = 2 * 86_400.0  # seconds


@dataclass(frozen=True)
class RateLimitRules:
    """What the settings say of a server's limits; times in seconds.

    Attributes:
        requests: most requests in a window; None: as the server reports.
        tokens: most tokens in a window; None: as the server reports.
        margin: what a request may take from the moment it was given to its arrival.
        horizon: how far ahead a moment is given; for a later one one comes back.
        first_pause: after the first refusal that names no time; the pauses double from then on.
    """

    requests: int | None = None
    tokens: int | None = None
    window: float = 60.0
    margin: float = 1.0
    horizon: float = 1.0
    first_pause: float = 1.0


@dataclass(frozen=True)
class ReportedLimits:
    """What a server's answer reports of its limits; None where it reports nothing.

    Attributes:
        requests: that are allowed in a window; the same for tokens.
        wait: seconds until there is room again, where the answer says that nothing is left.
    """

    requests: int | None = None
    tokens: int | None = None
    wait: float | None = None


@dataclass(frozen=True)
class RateLimit:
    """How far a server's rate limit is used, by all processes; moments in seconds of one clock.

    Attributes:
        next_request: moment at which the next request may leave, by the number of requests.
        next_token: the same, by the number of tokens.
        largest: most tokens of one request so far.
        paused_until: nothing leaves before.
        reported_requests, reported_tokens: limits by the server's own headers.
        found: limit found out from refusals that named none; None: none so far.
        strikes: refusals in a row that named no time.
    """

    next_request: float = 0.0
    next_token: float = 0.0
    largest: int = 0
    paused_until: float = 0.0
    reported_requests: int | None = None
    reported_tokens: int | None = None
    found: int | None = None
    strikes: int = 0

    def limits(self, rules: RateLimitRules) -> tuple[int | None, int | None]:
        """Return the requests and tokens that are allowed in a window: the least that is known."""
        requests = _least(rules.requests, self.reported_requests, self.found)
        return requests, _least(rules.tokens, self.reported_tokens)

    def is_known(self, rules: RateLimitRules) -> bool:
        """Return whether there is any limit to keep."""
        return self.limits(rules) != (None, None)

    def take(self, rules: RateLimitRules, tokens: int, now: float) -> tuple["RateLimit", float]:
        """Return when a request of so many tokens may leave, and the state after it."""
        state = self._recovered(rules, now)
        requests_limit, tokens_limit = state.limits(rules)
        moment = max(now, state.paused_until, state.next_request, state.next_token)
        largest = max(state.largest, tokens)
        span = rules.window + rules.margin
        following = replace(
            state,
            largest=largest,
            next_request=moment + (span / requests_limit if requests_limit else 0.0),
            next_token=moment + (_token_share(tokens, largest, tokens_limit) * span),
        )
        return following, moment

    def refused(
        self, rules: RateLimitRules, wait: float | None, seen: int, now: float
    ) -> "RateLimit":
        """Return the state after a refusal for the rate.

        Args:
            rules: of the server.
            wait: seconds that the server asks for; None where it names none.
            seen: requests that a window would see at the rate at which they were sent of late.
            now: the moment of the refusal.
        """
        if wait is not None:
            return replace(self, paused_until=max(self.paused_until, now + wait))
        if now < self.paused_until:
            return self  # of a request that left before the pause
        pause = min(rules.first_pause * 2.0**self.strikes, LONGEST_PAUSE)
        return replace(
            self,
            paused_until=now + pause,
            strikes=min(self.strikes + 1, _MOST_STRIKES),
            found=max(1, min(seen, self.found or seen) // 2),
        )

    def reported(self, limits: ReportedLimits, now: float) -> "RateLimit":
        """Return the state after an answer that reports limits."""
        return replace(
            self,
            reported_requests=limits.requests or self.reported_requests,
            reported_tokens=limits.tokens or self.reported_tokens,
            paused_until=max(self.paused_until, now + (limits.wait or 0.0)),
        )

    def _recovered(self, rules: RateLimitRules, now: float) -> "RateLimit":
        """Try a little more after each window without a refusal.

        What is said to wait for days was written while a clock was ahead, and is forgotten.
        """
        if max(self.paused_until, self.next_request, self.next_token) > now + _FURTHEST:
            return replace(self, paused_until=now, next_request=now, next_token=now)
        if self.found is None or now < self.paused_until + rules.window:
            return self
        found = int(self.found * _RECOVERY) + 1
        return replace(self, found=found, strikes=0, paused_until=now)


def limited_tokens(request: ChatRequest) -> int:
    """Estimate the tokens that a server counts for a request: its prompt and its longest answer."""
    return request.prompt_bytes // BYTES_PER_TOKEN + request.most_completion_tokens


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit), default=None)


def _token_share(tokens: int, largest: int, limit: int | None) -> float:
    """Return the part of the window that a request takes on the line of tokens.

    A window may hold one request more than the spaces in it, so the largest is taken off the
    limit. A request of more than half the limit has a whole window to itself.
    """
    if not limit:
        return 0.0
    return tokens / (limit - largest) if 2 * largest <= limit else 1.0
