"""Tokens of an identity provider: a real server hands out its keys, and every wrong token is refused."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from forbear.apps.api.oidc import ASK_SECONDS, KEPT_SECONDS, Tokens
from forbear.apps.api.problems import Refusal
from forbear.apps.services import OidcSettings
from forbear.domain.errors import BackendUnavailable, ConfigError
from forbear.engine.office import Role

ISSUER, AUDIENCE = "https://login.example", "forbear"
NOW = 1_795_000_000
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
EC = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@dataclass
class Provider:
    """An identity provider: what it hands out, and how often it was asked. status: 200, or a failure to play."""

    url: str = ""
    status: int = 200
    asked: int = 0
    location: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A server of keys on this machine."""
    made = Provider(keys=[public(RSA, "r1"), public(EC, "e1"), public(STRANGER, "enc", use="enc"), {"kty": "XYZ"}])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """The keys."""
            made.asked += 1
            content = json.dumps({"keys": made.keys}).encode()
            self.send_response(made.status)
            if made.location:
                self.send_header("Location", made.location)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing is noted."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_port}/keys"
        yield made
        server.shutdown()
        thread.join()


def public(key: Any, key_id: str, use: str = "sig") -> dict[str, Any]:
    """A public key as a provider hands it out."""
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return algorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": key_id, "use": use}


def settings(provider: Provider, **more: Any) -> OidcSettings:
    """Whose tokens are believed."""
    roles = {"boss": Role.ADMIN, "staff": Role.AGENT}
    given = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": provider.url, "roles": roles}
    return OidcSettings(**given | more)


def claims(**more: Any) -> dict[str, Any]:
    """What a good token says."""
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann@bank", "iat": NOW, "exp": NOW + 300, "roles": ["staff"]}
    return {name: value for name, value in (said | more).items() if value is not None}


def signed(key: Any = RSA, key_id: str | None = "r1", algorithm: str = "RS256", **more: Any) -> str:
    """A token."""
    return jwt.encode(claims(**more), key, algorithm, {"kid": key_id} if key_id else None)


def forged(header: dict[str, Any], secret: bytes | None) -> str:
    """A token put together by hand, as an attacker would."""
    parts = [urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, claims())]
    mark = b"" if secret is None else hmac.digest(secret, b".".join(parts), sha256)
    return b".".join([*parts, urlsafe_b64encode(mark).rstrip(b"=")]).decode()


PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
GOOD = {
    "rsa": signed,
    "elliptic": lambda: signed(EC, "e1", "ES256"),
    "one of many audiences": lambda: signed(aud=["other", AUDIENCE]),
    "just expired": lambda: signed(exp=NOW - 59),
    "clock ahead": lambda: signed(iat=NOW + 59, nbf=NOW + 59),
}
BAD = {
    "expired": lambda: signed(exp=NOW - 60),
    "not yet": lambda: signed(nbf=NOW + 61),
    "issued in the future": lambda: signed(iat=NOW + 61),
    "wrong audience": lambda: signed(aud="other"),
    "no audience": lambda: signed(aud=None),
    "wrong issuer": lambda: signed(iss="https://evil.example"),
    "no subject": lambda: signed(sub=None),
    "no expiry": lambda: signed(exp=None),
    "expiry is text": lambda: signed(exp="never"),
    "expiry is endless": lambda: signed(exp=10**300),
    "subject too long": lambda: signed(sub="x" * 500),
    "subject unprintable": lambda: signed(sub="a\nb"),
    "no role": lambda: signed(roles=[]),
    "unknown role": lambda: signed(roles=["root", 7, None]),
    "role of another kind": lambda: signed(roles={"staff": True}),
    "alg none": lambda: forged({"alg": "none", "kid": "r1"}, None),
    "alg missing": lambda: forged({"kid": "r1"}, None),
    "alg of another kind": lambda: forged({"alg": ["RS256"], "kid": "r1"}, None),
    "HS256 with the public key": lambda: forged({"alg": "HS256", "kid": "r1"}, PEM),
    "RS256 header over an HMAC": lambda: forged({"alg": "RS256", "kid": "r1"}, PEM),
    "unknown key": lambda: signed(key_id="nobody"),
    "no key id": lambda: signed(key_id=None),
    "another's signature": lambda: signed(STRANGER),
    "a key for encryption": lambda: signed(STRANGER, "enc"),
    "RS256 with an elliptic key's id": lambda: signed(key_id="e1"),
    "RS512": lambda: signed(algorithm="RS512"),
    "cut short": lambda: signed()[:-9],
    "dots alone": lambda: "..",
    "garbage": lambda: "a.b.c",
}


@pytest.mark.parametrize("kind", GOOD)
def test_good_tokens_let_in(kind: str, provider: Provider) -> None:
    """A token with right signature, times, issuer and audience stands for its subject in the role it brings."""
    caller = Tokens(settings(provider)).caller(GOOD[kind](), NOW * 1_000_000)
    assert (caller.who, caller.role) == ("oidc:ann@bank", Role.AGENT)


@pytest.mark.parametrize("kind", BAD)
def test_bad_tokens_do_not(kind: str, provider: Provider) -> None:
    """Every other token is refused as a credential that is not valid, and nothing else is raised."""
    with pytest.raises(Refusal) as refused:
        Tokens(settings(provider)).caller(BAD[kind](), NOW * 1_000_000)
    assert refused.value.code == "unauthenticated"


def test_the_first_role_of_the_settings_counts(provider: Provider) -> None:
    """Of several roles the one that stands first in the settings is taken; the claim may be a single word."""
    tokens = Tokens(settings(provider, role_claim="groups"))
    assert tokens.caller(signed(groups=["staff", "boss"]), NOW * 1_000_000).role is Role.ADMIN
    assert tokens.caller(signed(groups="staff"), NOW * 1_000_000).role is Role.AGENT


def test_keys_are_fetched_when_needed(provider: Provider) -> None:
    """The provider is asked once for many tokens, for an unknown key not more often than bounded, and when old."""
    now = [0.0]
    tokens = Tokens(settings(provider), lambda: now[0])

    def ask(token: str) -> bool:
        try:
            tokens.caller(token, NOW * 1_000_000)
        except Refusal:
            return False
        return True

    assert [ask(signed()) for _ in range(5)] == [True] * 5
    assert [ask(signed(STRANGER, f"k{number}")) for number in range(20)] == [False] * 20
    assert provider.asked == 1
    provider.keys.append(public(STRANGER, "k0"))
    now[0] += ASK_SECONDS + 1
    assert ask(signed(STRANGER, "k0"))
    provider.keys.clear()
    now[0] += KEPT_SECONDS + 1
    assert not ask(signed())
    assert provider.asked == 3


def test_a_provider_that_is_down_changes_nothing(provider: Provider) -> None:
    """Before the first keys there is 503; later those that are known go on; a redirection is not followed."""
    now = [0.0]
    tokens = Tokens(settings(provider), lambda: now[0])
    provider.status, provider.location = 302, provider.url + "/elsewhere"
    with pytest.raises(BackendUnavailable):
        tokens.caller(signed(), NOW * 1_000_000)
    assert provider.asked == 1
    provider.status, provider.location = 200, ""
    now[0] += ASK_SECONDS + 1
    assert tokens.caller(signed(), NOW * 1_000_000)
    provider.status = 500
    now[0] += KEPT_SECONDS + 1
    assert tokens.caller(signed(), NOW * 1_000_000)
    assert provider.asked == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"jwks_url": "http://login.example/keys"},
        {"jwks_url": "file:///etc/passwd"},
        {"jwks_url": ""},
        {"audience": ""},
        {"roles": {}},
    ],
)
def test_settings_leave_nothing_open(wrong: dict[str, Any], provider: Provider) -> None:
    """Keys come by https, or from this machine, and an audience and roles are needed."""
    with pytest.raises(ConfigError):
        Tokens(settings(provider, **wrong))


def test_a_token_and_a_key_both_work(provider: Provider, house: Callable[..., Any], visitor: Any) -> None:
    """A bearer token is told from a key; who it is, is recorded under its subject, and not written in the log."""
    made = house(tokens=Tokens(settings(provider)))
    client = visitor(made)
    made.clock.seconds = NOW - 1_795_000_000
    token = {"Authorization": f"Bearer {signed()}"}

    assert client.get("/v1/whoami", headers=token).json()["who"] == "oidc:ann@bank"
    assert client.get("/v1/whoami", headers={"X-API-Key": made.key()}).status_code == 200
    assert client.get("/v1/test/persons/5", headers=token).status_code == 200
    (newest,) = made.office.accesses.of_customer(5, 9)
    assert newest.who == "oidc:ann@bank"
    assert "ann@bank" not in made.log.getvalue()
