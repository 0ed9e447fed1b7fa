"""Objects in a bucket that speaks S3: written once by a conditional put, their checksums verified when read.

Credentials are found as the AWS libraries find them (environment, profile, role of the machine). None is taken from a
setting of forbear, and none is ever shown.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import (
    ConnectionError as Unconnected,
)

from forbear.adapters.objects import checked_name
from forbear.domain.errors import BackendUnavailable, ConfigError, CorruptState, StorageError

_DIGEST = "forbear-sha256"
_THERE_ALREADY, _BUSY = "PreconditionFailed", "ConditionalRequestConflict"
_ABSENT = {"NoSuchKey", "404", "NotFound"}
_NO_BUCKET = {"NoSuchBucket", "InvalidBucketName"}
_NOT_ALLOWED = {"AccessDenied", "403", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}
_AGAIN = {"SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError", "500", "502", "503", "504", _BUSY}
_TRIES = 4
_CONNECT_SECONDS, _READ_SECONDS = 5, 30


class S3Objects:
    """The port Objects over a bucket. url: `s3://bucket/prefix`.  endpoint: "" for that of AWS.

    region: "" for the usual. A call is tried four times, more slowly each time.
    Raises ConfigError for a URL that names no bucket.
    """

    def __init__(self, url: str, *, endpoint: str = "", region: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ConfigError("the URL of the models names no bucket", mend="write s3://bucket/prefix, without a key")
        self._bucket, self._prefix = parts.netloc, parts.path.strip("/")
        patience = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": _TRIES, "mode": "standard"},
        )
        try:
            # A session of its own: the library's common one goes on using the credentials that it found first.
            self._client: Any = boto3.Session().client(
                "s3", endpoint_url=endpoint or None, region_name=region or None, config=patience
            )
        except (BotoCoreError, ValueError) as error:
            raise ConfigError(f"{self.where('')} cannot be asked: {error}", mend="mend endpoint and region") from error

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def where(self, name: str) -> str:
        """The URL of an object."""
        return f"s3://{self._bucket}/{self._key(name)}"

    def put(self, name: str, content: bytes) -> bool:
        """Keep an object, whole or not at all; answer whether it is new. What is there already stays as it is."""
        digest = sha256(content)
        asked = {
            "Bucket": self._bucket,
            "Key": self._key(checked_name(name)),
            "Body": content,
            "IfNoneMatch": "*",
            "ChecksumSHA256": b64encode(digest.digest()).decode(),
            "Metadata": {_DIGEST: digest.hexdigest()},
        }
        with self._said("write", name):
            try:
                self._client.put_object(**asked)
            except ClientError as error:
                if _code(error) == _THERE_ALREADY:
                    return False
                raise
        return True

    def get(self, name: str) -> bytes:
        """The bytes that were put. Raises ConfigError where there are none, CorruptState where they are others."""
        with self._said("read", name):
            found = self._client.get_object(
                Bucket=self._bucket, Key=self._key(checked_name(name)), ChecksumMode="ENABLED"
            )
            content: bytes = found["Body"].read()
        if found["Metadata"].get(_DIGEST) != sha256(content).hexdigest():
            raise CorruptState(f"{self.where(name)} is not what was put there", mend=_RESTORE)
        return content

    def exists(self, name: str) -> bool:
        """Whether there is an object of a name."""
        with self._said("read", name):
            try:
                self._client.head_object(Bucket=self._bucket, Key=self._key(checked_name(name)))
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return False
                raise
        return True

    def list(self, prefix: str = "") -> Sequence[str]:
        """Names that begin so, in their order."""
        before = self._key("")
        with self._said("list", prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{before}{prefix}"
            )
            return sorted(one["Key"].removeprefix(before) for page in pages for one in page.get("Contents", ()))

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    @contextmanager
    def _said(self, what: str, name: str) -> Iterator[None]:
        """What the driver's errors mean, and who has to act."""
        where = self.where(name)
        try:
            yield
        except FlexibleChecksumError as error:
            raise CorruptState(f"{where} is not what was put there", mend=_RESTORE) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise ConfigError(f"no credentials to {what} {where}", mend=_CREDENTIALS) from error
        except (HTTPClientError, Unconnected) as error:  # time-outs among them
            raise BackendUnavailable(f"nobody answers for {where}", mend="try again when it is back") from error
        except ClientError as error:
            raise self._answer(what, where, _code(error)) from error
        except BotoCoreError as error:
            raise StorageError(f"cannot {what} {where}: {type(error).__name__}", mend="mend the settings") from error

    def _answer(self, what: str, where: str, code: str) -> Exception:
        """The error of an answer's code; its message is left out, since it may name keys."""
        if code in _NO_BUCKET:
            return ConfigError(f"there is no bucket {self._bucket}", mend="make it, or mend the URL of the models")
        if code in _ABSENT:
            return ConfigError(f"{where} is not there", mend=_RESTORE)
        if code in _NOT_ALLOWED:
            return ConfigError(f"not allowed to {what} {where} ({code})", mend=_CREDENTIALS)
        if code in _AGAIN:
            return BackendUnavailable(f"{where} cannot be asked now ({code})", mend="try again later")
        return StorageError(f"cannot {what} {where} ({code})", mend="look the code up with whoever runs the storage")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role that may read and write there"
_RESTORE = "restore it from a backup"
