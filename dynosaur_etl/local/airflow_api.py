"""A small client of Airflow's REST API."""

from typing import Any

import httpx

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.local.errors import SystemDown


class AirflowApi:
    """Airflow at `url`, used as one user; it logs in on the first call that needs it."""

    def __init__(
        self, url: str, user: str, password: str, token: str = "", *, by_proxy: bool = False
    ) -> None:
        """Bind to an address; nothing is sent yet.

        Args:
            url: of the UI, with the path that it stands under, if any.
            user: whose rights are used.
            password: of the user.
            token: in place of both, where it is not empty.
            by_proxy: whether the environment's proxies and certificates hold.
        """
        self._url = url
        self._login = {"username": user, "password": password}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=by_proxy)

    def close(self) -> None:
        self._client.close()

    def health(self) -> dict[str, Any]:
        """Give Airflow's own word on its components; needs no login."""
        answer: dict[str, Any] = self._json(self._send("GET", "/api/v2/monitor/health"))
        return answer

    def get(self, path: str, **query: Any) -> Any:
        return self._json(self.call("GET", path, params=query))

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request below /api/v2 as the user.

        Raises:
            SystemDown: no answer or a server error.
            InvalidInput: Airflow refuses, with its own words.
        """
        if "Authorization" not in self._client.headers:
            answer = self._json(self._send("POST", "/auth/token", json=self._login))
            self._client.headers["Authorization"] = f"Bearer {answer['access_token']}"
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

    def _json(self, response: httpx.Response) -> Any:
        """Read an answer.

        Raises:
            InvalidInput: it is no JSON, as something else than Airflow answers there.
        """
        try:
            return response.json()
        except ValueError as error:
            words = f"{self._url} answers {response.text[:200]!r}"
            raise InvalidInput(f"{words}: that is not Airflow's API") from error

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise SystemDown(
                f"Airflow at {self._url} does not answer {method} {path}: {error}"
            ) from error
        if response.status_code >= 500:
            raise SystemDown(f"Airflow fails on {method} {path}: {response.text[:500]}")
        if response.is_redirect:
            raise InvalidInput(
                f"{self._url} leads to {response.headers['location']}; name that address"
            )
        if response.status_code >= 400:
            told = f"{response.status_code} {response.text[:500]}"
            raise InvalidInput(f"Airflow refuses {method} {path}: {told}")
        return response
