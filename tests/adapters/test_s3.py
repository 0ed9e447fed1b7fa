"""Objects in a bucket keep the laws of objects and carry a registry; what is wrong is said, and no secret with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from forbear.adapters import s3 as module
from forbear.adapters.registry import ObjectModels
from forbear.adapters.s3 import S3Objects
from forbear.domain.errors import BackendUnavailable, ConfigError, CorruptState
from forbear.engine.ports import ModelRegistry, Objects
from forbear.engine.versions import Lineage
from forbear.testing.objects_contract import ObjectsContract
from forbear.testing.registry_contract import RegistryContract, artefact_of
from forbear.testing.servers.s3 import S3Server

SECRET = "a-secret-of-the-test"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nobody; and none of this machine."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")


class Buckets:
    """New buckets of the server, their clients closed in the end."""

    def __init__(self, server: S3Server) -> None:
        self.server = server
        self.opened: list[S3Objects] = []

    def at(self, url: str) -> S3Objects:
        """Objects at a URL of the server."""
        self.opened.append(S3Objects(url, endpoint=self.server.endpoint, region="us-east-1"))
        return self.opened[-1]

    def new(self, prefix: str = "of/models") -> S3Objects:
        """Objects in a bucket that holds none."""
        return self.at(f"s3://{self.server.bucket()}/{prefix}")


@pytest.fixture
def buckets(s3_server: S3Server) -> Iterator[Buckets]:
    """Buckets."""
    found = Buckets(s3_server)
    yield found
    for one in found.opened:
        one.close()


class TestS3Objects(ObjectsContract):
    """The laws of every place of objects."""

    @pytest.fixture(autouse=True)
    def _buckets(self, buckets: Buckets) -> None:
        self.buckets = buckets

    def make(self) -> Objects:
        """A new bucket."""
        return self.buckets.new()

    def again(self, objects: Objects) -> Objects:
        """The same bucket through another client."""
        return self.buckets.at(objects.where("").rstrip("/"))


class TestModelsInABucket(RegistryContract):
    """The laws of every registry."""

    @pytest.fixture(autouse=True)
    def _buckets(self, buckets: Buckets) -> None:
        self.objects = buckets.new("")

    def make(self, now: datetime) -> ModelRegistry:
        """A registry in a new bucket."""
        return ObjectModels(self.objects, lambda: now)

    def again(self, registry: ModelRegistry, now: datetime) -> ModelRegistry:  # noqa: ARG002  # there is one
        """The same bucket."""
        return ObjectModels(self.objects, lambda: now)

    def damage(self, registry: ModelRegistry, digest: str) -> None:  # noqa: ARG002  # there is one
        """Other bytes under the name, as whoever may write to the bucket can put them there."""
        overwrite(self.objects, f"{digest}/artefact.json", b"{}")


def overwrite(objects: S3Objects, name: str, content: bytes) -> None:
    """Put other bytes without a condition, with what is known of those before."""
    bucket, _, key = objects.where(name).removeprefix("s3://").partition("/")
    known = objects._client.head_object(Bucket=bucket, Key=key)["Metadata"]
    objects._client.put_object(Bucket=bucket, Key=key, Body=content, Metadata=known)


def test_what_was_changed_in_the_bucket_is_noticed(buckets: Buckets) -> None:
    """Bytes whose checksum is not that of the put are CorruptState."""
    objects = buckets.new()
    objects.put("one", b"first")
    overwrite(objects, "one", b"other")

    with pytest.raises(CorruptState, match="one is not what was put there"):
        objects.get("one")


def test_prefixes_keep_objects_apart(buckets: Buckets, s3_server: S3Server) -> None:
    """Two prefixes of one bucket do not see each other, nor does one that begins like the other."""
    bucket = s3_server.bucket()
    one, other = buckets.at(f"s3://{bucket}/a"), buckets.at(f"s3://{bucket}/ab")
    one.put("x", b"1")

    assert list(other.list()) == []
    assert list(one.list()) == ["x"]
    assert not other.exists("x")


def test_a_bucket_that_is_not_there_is_a_setting(buckets: Buckets) -> None:
    """Whatever is asked of it."""
    objects = buckets.at("s3://forbear-has-no-such-bucket/x")
    for asked in (lambda: objects.put("one", b"x"), lambda: objects.get("one"), objects.list):
        with pytest.raises(ConfigError, match="no bucket"):
            asked()


def test_nobody_who_answers_is_a_backend_out_of_reach(monkeypatch: pytest.MonkeyPatch, s3_server: S3Server) -> None:
    """Where no server listens; neither key nor secret is in the error."""
    monkeypatch.setattr(module, "_TRIES", 1)
    with S3Server() as gone:
        endpoint = gone.endpoint
    objects = S3Objects("s3://bucket/x", endpoint=endpoint, region="us-east-1")
    with pytest.raises(BackendUnavailable, match="nobody answers") as found:
        objects.put("one", b"x")
    objects.close()

    assert SECRET not in str(found.value)
    assert "AKIATEST" not in str(found.value)


def test_no_credentials_are_a_setting(monkeypatch: pytest.MonkeyPatch, s3_server: S3Server) -> None:
    """The error says what to set."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    objects = S3Objects("s3://bucket/x", endpoint=s3_server.endpoint, region="us-east-1")
    with pytest.raises(ConfigError, match="no credentials"):
        objects.get("one")
    objects.close()


@pytest.mark.parametrize(
    "url", ["s3:", "s3://", "s3:///x", "http://bucket/x", f"s3://key:{SECRET}@bucket/x", "s3://b?x=1"]
)
def test_a_url_without_a_bucket_is_refused(url: str) -> None:
    """And not repeated: it may hold what it should not."""
    with pytest.raises(ConfigError, match="no bucket") as found:
        S3Objects(url)
    assert SECRET not in str(found.value)


def test_the_present_is_told_to_the_registry(buckets: Buckets) -> None:
    """Where none is given it is the clock's."""
    registry = ObjectModels(buckets.new())
    created = registry.version(registry.put(artefact_of(1), Lineage(origin="online"))).created
    assert created is not None
    assert created.tzinfo is not None
    assert created > datetime(2024, 1, 1, tzinfo=UTC)
