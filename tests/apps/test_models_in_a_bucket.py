"""A home whose registry is a bucket: trains, scores and lists as one whose registry is its own folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forbear.apps.home import Home
from forbear.testing.servers.s3 import S3Server

Cli = Callable[..., Any]
SECRET = "a-secret-of-the-test"


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket's URL, with the right to it in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    return f"s3://{s3_server.bucket()}/models"


def test_a_model_in_a_bucket_is_the_model(
    cli: Cli, copied_bank: Path, bucket: str, s3_server: S3Server, tmp_path: Path
) -> None:
    """Copied there by its own bytes it has its digest, is listed and scores the same; the folder is not asked."""
    scored = cli("score", "--model", "scorecard", "--home", copied_bank, "--json").document
    here = Home(copied_bank).registry
    versions = here.versions()
    artefacts = [here.get(version.digest) for version in versions]
    (copied_bank / "services.toml").write_text(
        f'[models]\nurl = "{bucket}"\nendpoint = "{s3_server.endpoint}"\nregion = "us-east-1"\n'
    )
    there = Home(copied_bank).registry
    for version, artefact in zip(versions, artefacts, strict=True):
        there.put(artefact, version.lineage)
        shutil.rmtree(copied_bank / "models" / version.digest)

    assert cli("score", "--model", "scorecard", "--home", copied_bank, "--json").document == scored
    listed = cli("models", "list", "--home", copied_bank, "--json").document["models"]
    assert {one["digest"] for one in listed} == {version.digest for version in versions}
    assert there.where(versions[0].digest) == f"{bucket}/{versions[0].digest}/artefact.json"


def test_what_is_wrong_is_one_line(
    cli: Cli, copied_bank: Path, bucket: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such bucket and no such scheme are settings; neither line has a secret."""
    (copied_bank / "services.toml").write_text(f'[models]\nendpoint = "{s3_server.endpoint}"\nregion = "us-east-1"\n')
    for url, said in (("s3://no-such-bucket-of-ours/x", "no bucket"), (f"ftp://u:{SECRET}@host", "neither of S3")):
        monkeypatch.setenv("FORBEAR_MODELS", url)
        ended = cli("models", "list", "--home", copied_bank)
        assert (ended.code, said in ended.err, SECRET in ended.err) == (2, True, False)


def test_a_folder_elsewhere(cli: Cli, copied_bank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FORBEAR_MODELS may name another folder."""
    shutil.move(copied_bank / "models", tmp_path / "elsewhere")
    (copied_bank / "models").mkdir()
    shutil.copy(tmp_path / "elsewhere" / "latest.json", copied_bank / "models")
    assert cli("score", "--home", copied_bank, "--json").code != 0

    monkeypatch.setenv("FORBEAR_MODELS", f"file:{tmp_path / 'elsewhere'}")
    assert cli("score", "--home", copied_bank, "--json").code == 0
