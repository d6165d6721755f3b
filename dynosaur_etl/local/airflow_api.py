"""A small client of Airflow's REST API."""

from typing import Any

import httpx

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.local.errors import SystemDown


class AirflowApi:
    """Airflow at `url`, used as one user; it logs in on the first call that needs it."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._login = {"username": user, "password": password}
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def health(self) -> dict[str, Any]:
        """Give Airflow's own word on its components; needs no login."""
        answer: dict[str, Any] = self._send("GET", "/api/v2/monitor/health").json()
        return answer

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, params=query).json()

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request below /api/v2 as the user.

        Raises:
            SystemDown: no answer or a server error.
            InvalidInput: Airflow refuses, with its own words.
        """
        if "Authorization" not in self._client.headers:
            token = self._send("POST", "/auth/token", json=self._login).json()["access_token"]
            self._client.headers["Authorization"] = f"Bearer {token}"
        return self._send(method, f"/api/v2{path}", **options)

    def find(self, path: str, **query: Any) -> Any:
        """Like `get`, and None where there is no such thing."""
        try:
            return self.get(path, **query)
        except InvalidInput as refusal:
            if "404" in str(refusal):
                return None
            raise

    def set_pool(self, name: str, slots: int, description: str) -> None:
        """Make the pool, or give it that size."""
        body = {"name": name, "slots": slots, "description": description, "include_deferred": False}
        if self.find(f"/pools/{name}") is None:
            self.call("POST", "/pools", json=body)
        else:
            change = {
                "pool": name,
                "slots": slots,
                "description": description,
                "include_deferred": False,
            }
            self.call("PATCH", f"/pools/{name}", json=change)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise SystemDown(f"Airflow does not answer {method} {path}: {error}") from error
        if response.status_code >= 500:
            raise SystemDown(f"Airflow fails on {method} {path}: {response.text[:500]}")
        if response.status_code >= 400:
            told = f"{response.status_code} {response.text[:500]}"
            raise InvalidInput(f"Airflow refuses {method} {path}: {told}")
        return response
