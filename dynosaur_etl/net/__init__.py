"""What every client of a server shares: retry, back-off, circuit breaker, headers, rate limits."""
