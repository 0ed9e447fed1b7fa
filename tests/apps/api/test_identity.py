"""Keys: what is kept of them, how they are sent, and how soon a revocation holds."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from forbear.apps.api.identity import KEPT_SECONDS
from forbear.apps.api.keys import KEY, KeyWish, fresh_key, state_of
from forbear.engine.office import Role


def test_only_the_hash_is_kept() -> None:
    """A key is its id and 256 bits of chance, of which only the SHA-256 is kept; no two are alike."""
    made = [fresh_key(KeyWish(name="n", role=Role.AGENT, days=2), 5) for _ in range(200)]

    assert len({text for text, _ in made}) == 200
    for text, record in made:
        key_id, secret = KEY.fullmatch(text).groups()  # type: ignore[union-attr]
        assert record.key_id == key_id
        assert record.secret_sha == sha256(secret.encode()).hexdigest()
        assert secret not in repr(record)
        assert record.expires_us == 5 + 2 * 86_400_000_000


@pytest.mark.parametrize("header", ["X-API-Key", "x-api-key", "Authorization"])
def test_a_key_is_sent_in_either_header(header: str, house: Callable[..., Any], visitor: Any) -> None:
    """Both headers let the key's owner in, as who they are."""
    made = house()
    key = made.key(Role.SERVICE)
    answer = visitor(made).get("/v1/whoami", headers={header: f"Bearer {key}" if header == "Authorization" else key})

    assert answer.status_code == 200
    told = answer.json()
    assert (told["who"], told["role"], told["name"]) == (key[3:11], "service", "test")
    assert "create_key" not in told["operations"]


def test_the_database_is_not_asked_for_every_request(
    house: Callable[..., Any], visitor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key is looked up once in some seconds; one that is revoked meanwhile holds no longer than that."""
    made = house()
    client, key = visitor(made), made.key()
    asked: list[str] = []
    get = type(made.office.keyring).get
    monkeypatch.setattr(type(made.office.keyring), "get", lambda ring, one: asked.append(one) or get(ring, one))

    def ask() -> int:
        status: int = client.get("/v1/whoami", headers={"X-API-Key": key}).status_code
        return status

    assert [ask() for _ in range(5)] == [200] * 5
    assert len(asked) == 1
    made.office.keyring.revoke(key[3:11], made.clock.now_us())
    assert ask() == 200
    made.clock.seconds += KEPT_SECONDS
    assert ask() == 401


def test_a_key_that_was_kept_expires_on_time(house: Callable[..., Any], visitor: Any) -> None:
    """Expiry is held against the clock at every request, not at every look-up."""
    made = house()
    client, key = visitor(made), made.key(days=1)
    made.clock.seconds = 86_400 - 1
    assert client.get("/v1/whoami", headers={"X-API-Key": key}).status_code == 200
    made.clock.seconds = 86_400
    assert client.get("/v1/whoami", headers={"X-API-Key": key}).status_code == 401


def test_keys_are_made_listed_and_revoked(house: Callable[..., Any], visitor: Any) -> None:
    """An admin makes a key that lets somebody in, sees it without its secret, and has it hold no longer, at once."""
    made = house()
    client, admin = visitor(made), {"X-API-Key": made.key()}
    made.clock.seconds += 1  # those of one instant are listed by their ids, which are chance
    new = client.post("/v1/keys", json={"name": "crm", "role": "agent", "days": 3}, headers=admin)
    key = {"X-API-Key": new.json()["key"]}

    assert new.status_code == 201
    assert new.headers["Cache-Control"] == "no-store"
    assert client.get("/v1/whoami", headers=key).json()["role"] == "agent"
    listed = client.get("/v1/keys", headers=admin)
    assert new.json()["key"][12:] not in listed.text
    assert [one["name"] for one in listed.json()["items"]] == ["test", "crm"]
    assert client.request("DELETE", f"/v1/keys/{new.json()['key_id']}", headers=admin).status_code == 204
    assert client.get("/v1/whoami", headers=key).status_code == 401
    assert client.request("DELETE", "/v1/keys/00000000", headers=admin).status_code == 404


def test_pages_of_keys_are_whole(house: Callable[..., Any], visitor: Any) -> None:
    """Page after page gives every key once, in order, also those of one instant."""
    made = house()
    client, admin = visitor(made), {"X-API-Key": made.key()}
    for _ in range(6):
        made.key()
    found, cursor = [], None
    while True:
        asked = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/keys", params=asked, headers=admin).json()
        found += [one["key_id"] for one in page["items"]]
        if not (cursor := page["further"]):
            break

    kept = made.office.keyring.keys()
    assert found == [key.key_id for key in kept]


def test_the_state_of_a_key_is_told() -> None:
    """A key holds until it expires or is revoked, and revoked is what counts."""
    _, record = fresh_key(KeyWish(name="n", role=Role.AGENT, days=1), 0)
    assert [state_of(record, at) for at in (0, 86_399_999_999, 86_400_000_000)] == ["holds", "holds", "expired"]
