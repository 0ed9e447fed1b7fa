"""Logging in at an identity provider: a real one of this machine, a real browser, and the token all the way through."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.apps.api.real.conftest import served
from tests.apps.dashboard.test_serving import until_it_answers

from forbear.engine.office import Role
from forbear.features.hashing import key_of
from forbear.testing.servers.browser import ChromiumBrowser
from forbear.testing.servers.starting import free_ports

CLIENT, SECRET = "forbear", "a secret of the client"
SUBJECT = "anna@bank.example"
KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@dataclass
class Provider:
    """An OpenID Connect provider that knows one person, and lets them in without asking. role: that it vouches for.

    codes: given out and not yet taken, with the nonce of each.  issued: tokens.  seconds: for which one holds.
    """

    url: str = ""
    role: str = "call-centre"
    seconds: int = 600
    codes: dict[str, str] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)

    def discovery(self) -> dict[str, Any]:
        """Where its parts are."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    def keys(self) -> dict[str, Any]:
        """Its public key."""
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        return {"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]}

    def authorize(self, asked: dict[str, list[str]]) -> str:
        """Where the browser is sent back to."""
        assert asked["client_id"] == [CLIENT]
        code = f"code-{len(self.codes)}-{time.monotonic_ns()}"
        self.codes[code] = asked["nonce"][0]
        return f"{asked['redirect_uri'][0]}?{urlencode({'code': code, 'state': asked['state'][0]})}"

    def token(self, form: dict[str, list[str]], authorization: str) -> dict[str, Any]:
        """Tokens for a code, once."""
        if authorization:
            name, _, secret = b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            assert (unquote(name), unquote(secret.replace("+", " "))) == (CLIENT, SECRET)
        else:
            assert (form["client_id"], form["client_secret"]) == ([CLIENT], [SECRET])
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": SUBJECT,
            "name": "Anna",
            "iat": now,
            "nbf": now,
            "exp": now + self.seconds,
            "nonce": self.codes.pop(form["code"][0]),
            "roles": [self.role],
        }
        told = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "one"})
        self.issued.append(told)
        return {"access_token": "opaque", "id_token": told, "token_type": "Bearer", "expires_in": self.seconds}


@pytest.fixture
def provider() -> Iterator[Provider]:
    """The provider, listening."""
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Discovery, keys, and the login."""
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", made.authorize(parse_qs(parts.query)))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._say({"/keys": made.keys, "/.well-known/openid-configuration": made.discovery}[parts.path]())

        def do_POST(self) -> None:
            """Tokens."""
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._say(made.token(form, self.headers.get("Authorization", "")))

        def _say(self, document: dict[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def logged(provider: Provider, lived: Path, tmp_path: Path) -> Iterator[tuple[Any, str, Path]]:
    """An interface that believes the provider, and a dashboard that is its client; a file has what that says."""
    home = Path(shutil.copytree(lived, tmp_path / "bank"))
    roles = '{ call-centre = "agent", board = "viewer" }'
    (home / "services.toml").write_text(
        f'[api.oidc]\nissuer = "{provider.url}"\naudience = "{CLIENT}"\njwks_url = "{provider.url}/keys"\n'
        f'role_claim = "roles"\nroles = {roles}\n'
    )
    port = free_ports(1)[0]
    auth = tmp_path / "auth.toml"
    auth.write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{"0f" * 32}"\n'
        f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\nexpose_tokens = "id"\n'
        f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
    )
    auth.chmod(0o600)
    with served(home, tmp_path / "served") as real, (tmp_path / "out").open("wb") as out:
        command = [sys.executable, "-m", "forbear.apps.cli", "dashboard", "--url", real.url, "--port", str(port)]
        process = subprocess.Popen([*command, "--login", str(auth)], stdout=out, stderr=subprocess.STDOUT, cwd=tmp_path)
        try:
            url = f"http://127.0.0.1:{port}"
            until_it_answers(url, process, tmp_path / "out")
            yield real, url, tmp_path / "out"
        finally:
            process.terminate()
            process.wait(20)


def test_a_login_at_a_provider(provider: Provider, logged: tuple[Any, str, Path]) -> None:
    """Whoever follows a link logs in at the provider and comes to it, in the role that the provider says.

    What they look at is on record under their subject; the token is in no address, no script can read it, and no log
    has it; logged out, they are nobody.
    """
    real, url, out = logged
    customer = real.known.customers[2]
    with ChromiumBrowser() as browser, browser.visit() as visit:
        page = visit.page
        page.goto(f"{url}/customer?id={customer}")
        page.get_by_role("button", name="Log in with your organisation").click()
        page.get_by_role("heading", name=f"Customer {customer}", level=1).wait_for()

        assert page.get_by_text(f"oidc:{SUBJECT}").count() or page.get_by_text(SUBJECT).count()
        assert page.get_by_role("link", name="Interventions and worklist").count()
        assert not page.get_by_role("link", name="Drift").count()
        assert page.evaluate("document.cookie").find("eyJ") < 0
        kept = {one["name"]: one for one in visit.context.cookies()}
        assert all(one["httpOnly"] for name, one in kept.items() if name.startswith("_streamlit_user"))
        assert "eyJ" not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
        assert provider.issued
        assert not [one for one in visit.gathered.asked for token in provider.issued if token in one]

        page.get_by_role("button", name="Log out").click()
        page.get_by_role("heading", name="Log in", level=1).wait_for()

    who = {one.who for one in real.parts.office.accesses.of_customer(key_of(customer), 99)}
    assert f"oidc:{SUBJECT}" in who
    assert not any(token in out.read_text() for token in provider.issued)


def test_a_role_that_the_interface_does_not_know(provider: Provider, logged: tuple[Any, str, Path]) -> None:
    """Whom the provider knows in no role of ours is told so, and sees nothing."""
    provider.role = "gardener"
    real, url, _ = logged
    with ChromiumBrowser() as browser, browser.visit() as visit:
        page = visit.page
        page.goto(f"{url}/executive")
        page.get_by_role("button", name="Log in with your organisation").click()
        page.get_by_text("this login does not hold here").first.wait_for()

        assert not page.get_by_role("heading", name="Executive summary", level=1).count()
    assert Role.AGENT in real.keys
