"""The pace of a server, as plain numbers: when the next request may leave.

Requests leave one after the other, evenly spaced, never in a burst: with L allowed in a window, a
request every (window + margin) / L seconds. Any window then sees at most L of them, wherever it
begins, as long as each arrives within `margin` of the moment it was given. Tokens have a line of
their own, on which a request takes room by its tokens. (It is the generic cell rate algorithm of
ATM Forum TM 4.0, with no tolerance for bursts.)
"""

from dataclasses import dataclass, replace

from dynosaur_etl.domain.chat import ChatRequest

BYTES_PER_TOKEN = 3
"""Fewer than the 4 of plain English, so that the pace rather counts too many tokens."""

LONGEST_PAUSE = 30.0
_MOST_STRIKES = 10
_RECOVERY = 1.25


@dataclass(frozen=True)
class PaceRules:
    """What the settings say of a server's limits; times in seconds.

    Attributes:
        requests: most requests in a window; None: as the server tells.
        tokens: most tokens in a window; None: as the server tells.
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
class Told:
    """What a server's answer tells of its limits; None where it tells nothing.

    Attributes:
        requests: that are allowed in a window; the same for tokens.
        wait: seconds until there is room again, where the answer says that nothing is left.
    """

    requests: int | None = None
    tokens: int | None = None
    wait: float | None = None


@dataclass(frozen=True)
class Pace:
    """Where a server's pace stands, shared by all processes; moments in seconds of one clock.

    Attributes:
        next_request: moment at which the next request may leave, by the number of requests.
        next_token: the same, by the number of tokens.
        largest: most tokens of one request so far.
        paused_until: nothing leaves before.
        told_requests, told_tokens: limits by the server's own words.
        found: limit found out from refusals that told none; None: none so far.
        strikes: refusals in a row that named no time.
    """

    next_request: float = 0.0
    next_token: float = 0.0
    largest: int = 0
    paused_until: float = 0.0
    told_requests: int | None = None
    told_tokens: int | None = None
    found: int | None = None
    strikes: int = 0

    def limits(self, rules: PaceRules) -> tuple[int | None, int | None]:
        """Give the requests and tokens that are allowed in a window: the least that is known."""
        requests = _least(rules.requests, self.told_requests, self.found)
        return requests, _least(rules.tokens, self.told_tokens)

    def keeps(self, rules: PaceRules) -> bool:
        """Tell whether there is any limit to keep."""
        return self.limits(rules) != (None, None)

    def take(self, rules: PaceRules, tokens: int, now: float) -> tuple["Pace", float]:
        """Give the moment at which a request of so many tokens may leave, and the pace after it."""
        pace = self._recovered(rules, now)
        requests_limit, tokens_limit = pace.limits(rules)
        moment = max(now, pace.paused_until, pace.next_request, pace.next_token)
        largest = max(pace.largest, tokens)
        span = rules.window + rules.margin
        following = replace(
            pace,
            largest=largest,
            next_request=moment + (span / requests_limit if requests_limit else 0.0),
            next_token=moment + (_token_share(tokens, largest, tokens_limit) * span),
        )
        return following, moment

    def refused(self, rules: PaceRules, wait: float | None, seen: int, now: float) -> "Pace":
        """Give the pace after a refusal for the rate.

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

    def told(self, told: Told, now: float) -> "Pace":
        """Give the pace after an answer that tells of limits."""
        return replace(
            self,
            told_requests=told.requests or self.told_requests,
            told_tokens=told.tokens or self.told_tokens,
            paused_until=max(self.paused_until, now + (told.wait or 0.0)),
        )

    def _recovered(self, rules: PaceRules, now: float) -> "Pace":
        """Try a little more after each window without a refusal."""
        if self.found is None or now < self.paused_until + rules.window:
            return self
        found = int(self.found * _RECOVERY) + 1
        return replace(self, found=found, strikes=0, paused_until=now)


def paced_tokens(request: ChatRequest) -> int:
    """Estimate the tokens that a server counts for a request: its prompt and its longest answer."""
    return request.prompt_bytes // BYTES_PER_TOKEN + request.most_completion_tokens


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit), default=None)


def _token_share(tokens: int, largest: int, limit: int | None) -> float:
    """Give the part of the window that a request takes on the line of tokens.

    A window may hold one request more than the spaces in it, so the largest is taken off the
    limit. A request of more than half the limit has a whole window to itself.
    """
    if not limit:
        return 0.0
    return tokens / (limit - largest) if 2 * largest <= limit else 1.0
