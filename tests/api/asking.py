"""A program that asks the API of a facility, for the tests."""

from typing import Any

from django.test import Client


class Asking:
    """ask("orders/", {...}) posts, ask("orders/") gets; below the facility's address, with a token or signed in."""

    def __init__(self, client: Client, slug: str, token: str = "") -> None:
        self.client, self.base = client, f"/api/v1/f/{slug}/"
        self.bearer = {"authorization": f"Bearer {token}"} if token else {}

    def __call__(self, path: str, content: Any = None, *, method: str = "", **headers: str) -> Any:
        method = method or ("get" if content is None else "post")
        given = {} if method in {"get", "head"} else {"data": content or {}, "content_type": "application/json"}
        address = path if path.startswith("/") else self.base + path
        return getattr(self.client, method)(address, headers=self.bearer | headers, **given)

    def pages(self, path: str, name: str, limit: int = 2) -> list[dict[str, Any]]:
        """All rows of a list, by its links."""
        answer = self(f"{path}{'&' if '?' in path else '?'}limit={limit}")
        found = answer.json()[name]
        while link := answer.headers.get("Link", ""):
            answer = self(link.partition(">")[0].removeprefix("<http://testserver"))
            found += answer.json()[name]
        assert answer.json()["next"] is None
        return found
