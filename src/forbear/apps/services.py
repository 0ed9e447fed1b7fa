"""Where the services of a deployment are: `services.toml` in its home, overridden by the environment.

A password never stands in the file: it names a file or an environment variable that holds it.

```toml
[kafka]
bootstrap = "broker-1:9093,broker-2:9093"
replication = 3
protocol = "SASL_SSL"
user = "forbear"
password_file = "/run/secrets/kafka"

[store]
url = "postgresql://forbear@db-1/forbear"
replica = "postgresql://forbear@db-2/forbear"
password_env = "DB_PASSWORD"

[models]
url = "s3://bank-models/forbear"

[api]
rate = 100.0

[api.oidc]
issuer = "https://login.example"
audience = "forbear"
jwks_url = "https://login.example/keys"
role_claim = "roles"
roles = { risk-admins = "admin", call-centre = "agent" }

[metrics]
listen = "127.0.0.1:0"
```
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from forbear.adapters.disk import storage_errors
from forbear.adapters.kafka.cluster import Cluster, Encryption, Mechanism, Security
from forbear.adapters.registry import FileModels, ObjectModels
from forbear.adapters.sql.engine import with_password
from forbear.apps.home import SERVICES
from forbear.domain.errors import ConfigError
from forbear.engine.office import Role
from forbear.engine.ports import Objects

_UNKNOWN = re.compile(r"unknown field `([^`]*)`(?: - at `\$\.?([^`]*)`)?")


class KafkaSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table [kafka]: the words of `Cluster` and `Security`, with passwords elsewhere."""

    bootstrap: str = ""
    replication: Annotated[int, Meta(ge=1, le=9)] = 1
    protocol: Encryption = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str = ""
    password_file: str = ""
    password_env: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    key_password_file: str = ""
    key_password_env: str = ""
    patience_seconds: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    session_seconds: Annotated[float, Meta(ge=1, le=300)] = 10.0


class StoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table [store]. replica: a copy to read from, "" for none."""

    url: str = ""
    replica: str = ""
    password_file: str = ""
    password_env: str = ""


class ModelsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table [models]: where the registry is. url: `s3://bucket/prefix` or `file:folder`; "" for the home's own.

    endpoint, region: of the bucket, "" for the usual. Credentials are found as the AWS libraries find them.
    """

    url: str = ""
    endpoint: str = ""
    region: str = ""


class OidcSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table [api.oidc]: whose tokens are believed. issuer: "" for nobody's.

    role_claim: the claim that names roles, one or a list.  roles: what its words mean here; of several that a token
    brings, the one that stands first here counts.
    """

    issuer: str = ""
    audience: str = ""
    jwks_url: str = ""
    role_claim: str = "roles"
    roles: dict[str, Role] = {}


class ApiSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table [api]: the bounds of the HTTP interface.

    rate: requests a second of a key that has no rate of its own.  burst_seconds: how long a key may save them up.
    head_seconds, body_seconds: to receive all of a request's head, and of its body.  drain_seconds: between the end of
    readiness and the end of service.  most_connections, most_feeds: open at once, the latter WebSockets.
    groups: a CSV file of who customers are, read for one measurement: which share of each group another policy would
    choose; "" for that of a synthetic bank, if there is one.
    """

    rate: Annotated[float, Meta(gt=0, le=100_000)] = 100.0
    burst_seconds: Annotated[float, Meta(ge=0.1, le=60)] = 2.0
    body_bytes: Annotated[int, Meta(ge=1_024, le=64 * 2**20)] = 4 * 2**20
    head_seconds: Annotated[float, Meta(gt=0, le=300)] = 10.0
    body_seconds: Annotated[float, Meta(gt=0, le=300)] = 20.0
    drain_seconds: Annotated[float, Meta(ge=0, le=300)] = 1.0
    most_connections: Annotated[int, Meta(ge=1, le=100_000)] = 4_000
    most_feeds: Annotated[int, Meta(ge=0, le=100_000)] = 1_000
    groups: str = ""
    oidc: OidcSettings = OidcSettings()


class MetricsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table [metrics]: where each process tells its metrics. listen: `HOST:PORT`, "" for nowhere; port 0 for any
    that is free, which is what several processes of one machine need.  token_file: holds what has to be sent to be
    answered; needed beyond this machine.
    """

    listen: str = ""
    token_file: str = ""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    kafka: KafkaSettings = KafkaSettings()
    store: StoreSettings = StoreSettings()
    models: ModelsSettings = ModelsSettings()
    api: ApiSettings = ApiSettings()
    metrics: MetricsSettings = MetricsSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Where the store is. replica: where to read from, "" for the store itself. Neither shows its password."""

    url: str = field(repr=False)
    replica: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def reached(self) -> str:
        """The URL of the store with its password, for who connects."""
        return self._with_password(self.url)

    @property
    def read(self) -> str:
        """The URL to read from, with its password."""
        return self._with_password(self.replica or self.url)

    def _with_password(self, url: str) -> str:
        return with_password(url, self.password) if self.password else url


@dataclass(frozen=True, slots=True)
class Services:
    """The services of a deployment; asked for one that is not set, it says what to set."""

    kafka: Cluster | None
    store: Database | None
    api: ApiSettings = field(default_factory=ApiSettings)

    @property
    def cluster(self) -> Cluster:
        """Kafka. Raises ConfigError where nobody said where it is."""
        if self.kafka is None:
            raise ConfigError("nobody said where Kafka is", mend=f"set FORBEAR_KAFKA, or bootstrap in {SERVICES}")
        return self.kafka

    @property
    def database(self) -> Database:
        """The store. Raises ConfigError where nobody said where it is."""
        if self.store is None:
            raise ConfigError("nobody said where the store is", mend=f"set FORBEAR_STORE, or url in {SERVICES}")
        return self.store


def require_kafka() -> None:
    """Raises ConfigError where the driver of Kafka is not installed: a home that runs by itself needs none."""
    if find_spec("confluent_kafka") is None:
        raise ConfigError("confluent_kafka is not installed", mend="pip install 'forbear[kafka,postgres]'")


def services_of(home: Path, environment: Mapping[str, str]) -> Services:
    """The services of a home, as its file and the environment say. Raises ConfigError for what cannot be.

    The file is FORBEAR_SERVICES, else `services.toml` in the home, which need not be there. Over it go FORBEAR_KAFKA
    (bootstrap), FORBEAR_KAFKA_USER, FORBEAR_STORE (url), FORBEAR_STORE_REPLICA, and FORBEAR_KAFKA_PASSWORD and
    FORBEAR_STORE_PASSWORD, each also with _FILE for a file that holds it.
    """
    settings, beside = _settings(home, environment)
    named = environment.get
    kafka = msgspec.structs.replace(
        settings.kafka,
        bootstrap=named("FORBEAR_KAFKA") or settings.kafka.bootstrap,
        user=named("FORBEAR_KAFKA_USER") or settings.kafka.user,
    )
    store = msgspec.structs.replace(
        settings.store,
        url=named("FORBEAR_STORE") or settings.store.url,
        replica=named("FORBEAR_STORE_REPLICA") or settings.store.replica,
    )
    secrets = Secrets(beside, environment)
    return Services(
        _cluster(kafka, secrets) if kafka.bootstrap else None,
        Database(
            url=store.url,
            replica=store.replica,
            password=secrets.of("FORBEAR_STORE_PASSWORD", store.password_file, store.password_env),
        )
        if store.url
        else None,
        settings.api,
    )


def registry_of(home: Path, models: Path, environment: Mapping[str, str]) -> ObjectModels:
    """The registry of a home: where FORBEAR_MODELS says, else [models] of its settings, else in its folder `models`.

    Raises ConfigError for a URL that is neither `s3://bucket/prefix` nor `file:folder`, and where boto3 is missing.
    """
    settings, beside = _settings(home, environment)
    found = settings.models
    url = environment.get("FORBEAR_MODELS") or found.url
    if not url:
        return FileModels(models)
    scheme, _, rest = url.partition(":")
    if scheme == "file" and rest:
        return FileModels(beside / (rest.removeprefix("//") or rest))
    if scheme != "s3":
        raise ConfigError(
            "the URL of the models is neither of S3 nor of a folder", mend="write s3://bucket or file:path"
        )
    if find_spec("boto3") is None:
        raise ConfigError("boto3 is not installed", mend="pip install 'forbear[s3]'")
    return ObjectModels(_bucket(url, found.endpoint, found.region))


def metrics_of(home: Path, environment: Mapping[str, str]) -> MetricsSettings:
    """Where the processes of a home tell their metrics, the file of a token by its full path.

    Over [metrics] of the settings go FORBEAR_METRICS and FORBEAR_METRICS_TOKEN_FILE. Raises ConfigError for settings
    that cannot be.
    """
    settings, beside = _settings(home, environment)
    token = environment.get("FORBEAR_METRICS_TOKEN_FILE", "") or settings.metrics.token_file
    return MetricsSettings(
        listen=environment.get("FORBEAR_METRICS", "") or settings.metrics.listen,
        token_file=str(beside / token) if token else "",
    )


@lru_cache(maxsize=4)
def _bucket(url: str, endpoint: str, region: str) -> Objects:
    """A bucket, whose client is made once: that takes longer than to ask it."""
    from forbear.adapters.s3 import S3Objects

    return S3Objects(url, endpoint=endpoint, region=region)


def _settings(home: Path, environment: Mapping[str, str]) -> tuple[Settings, Path]:
    """What the file says, and the folder that its relative paths begin at."""
    asked = environment.get("FORBEAR_SERVICES", "")
    path = Path(asked) if asked else home / SERVICES
    return _read(path, must_be_there=bool(asked)), path.parent


def _read(path: Path, *, must_be_there: bool) -> Settings:
    with storage_errors(f"cannot read {path}"):
        if not path.exists() and not must_be_there:
            return Settings()
        if not path.is_file():
            raise ConfigError(f"{path} is no file", mend="put the settings there, or mend FORBEAR_SERVICES")
        content = path.read_bytes()
    try:
        settings = msgspec.convert(tomllib.loads(content.decode()), type=Settings)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}", mend="mend it there") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}", mend=_mend_of(str(error))) from error
    for url in (settings.store.url, settings.store.replica):
        if urlsplit(url).password:
            raise ConfigError(f"{path} holds a password in a URL", mend="name it by password_file or password_env")
    return settings


def _mend_of(message: str) -> str:
    found = _UNKNOWN.search(message)
    if found is None:
        return "mend it there"
    tables: dict[str, type[Struct]] = {
        "kafka": KafkaSettings,
        "store": StoreSettings,
        "models": ModelsSettings,
        "api": ApiSettings,
        "api.oidc": OidcSettings,
        "metrics": MetricsSettings,
    }
    known = tables.get(found.group(2) or "", Settings)
    if found.group(1).endswith("password"):
        return "a password does not stand in the file: name it by password_file or password_env"
    return f"the keys are: {', '.join(known.__struct_fields__)}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where passwords are looked for. beside: relative paths begin there."""

    beside: Path
    environment: Mapping[str, str] = field(repr=False)

    def of(self, name: str, file: str, variable: str) -> str:
        """A password: from the environment under its own name, if it has one, else as the settings say; "" for none."""
        if name and self.environment.get(name):
            return self.environment[name]
        if path := (self.environment.get(f"{name}_FILE", "") if name else "") or file:
            with storage_errors(f"cannot read {path}"):
                try:
                    return (self.beside / path).read_text(encoding="utf-8").strip("\r\n")
                except (FileNotFoundError, UnicodeDecodeError) as error:
                    raise ConfigError(f"{path} holds no password: {error}", mend="put it there") from error
        if variable and not self.environment.get(variable):
            raise ConfigError(f"the environment has no {variable}", mend="set it, or name a file by password_file")
        return self.environment.get(variable, "") if variable else ""


def _cluster(kafka: KafkaSettings, secrets: Secrets) -> Cluster:
    password = secrets.of("FORBEAR_KAFKA_PASSWORD", kafka.password_file, kafka.password_env)
    if kafka.protocol.startswith("SASL") and not (kafka.user and password):
        raise ConfigError(f"{kafka.protocol} needs a user and a password", mend=f"set them in {SERVICES}")
    if kafka.protocol == "PLAINTEXT" and (kafka.user or password):
        raise ConfigError("PLAINTEXT asks for no user and no password", mend='set protocol = "SASL_SSL"')
    files = {
        name: secrets.beside / path
        for name in ("ca_file", "certificate_file", "key_file")
        if (path := getattr(kafka, name))
    }
    return Cluster(
        kafka.bootstrap,
        replication=kafka.replication,
        security=None
        if kafka.protocol == "PLAINTEXT"
        else Security(
            protocol=kafka.protocol,
            mechanism=kafka.mechanism,
            user=kafka.user,
            password=password,
            key_password=secrets.of("FORBEAR_KAFKA_KEY_PASSWORD", kafka.key_password_file, kafka.key_password_env),
            **files,
        ),
        patience_seconds=kafka.patience_seconds,
        session_seconds=kafka.session_seconds,
    )
