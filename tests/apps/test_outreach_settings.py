"""Settings of outreach: without a file nothing is sent, secrets are elsewhere, and errors name the key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forbear.adapters.outreach.limits import LIMITED
from forbear.apps.home import Home
from forbear.apps.outreach_settings import (
    doors_of,
    payments_of,
    people_of,
    providers_of,
    read_outreach,
    values_of,
    wording_of,
)
from forbear.apps.package_data import text_of
from forbear.domain.errors import ConfigError
from forbear.engine.outreach import Refused, Sent
from forbear.testing.crm_contract import ADA
from forbear.testing.outreach_contract import message
from forbear.testing.servers.gateway import GatewayTestServer
from forbear.testing.servers.mail import MailTestServer

Cli = Callable[..., Any]

HEAD = 'format = 1\nversion = "1"\n'
ENVIRON = {"SMS_SECRET": "s" * 32, "IN": "i" * 16, "OLD": "o" * 16, "CRM": "c" * 16, "MAIL": "m"}


def home_with(tmp_path: Path, text: str) -> Home:
    """A home with settings."""
    (tmp_path / "outreach.toml").write_text(HEAD + text)
    return Home(tmp_path)


def test_without_a_file_nothing_is_sent(tmp_path: Path) -> None:
    """Every channel is a dry run, but the phone, which is people's; what a dry run writes holds no address."""
    home = Home(tmp_path)
    settings = read_outreach(home)
    providers = providers_of(settings, home, {})

    assert settings.real == []
    assert {one: provider.name for one, provider in providers.items()} == dict.fromkeys(
        ("email", "sms", "app"), "dry_run"
    )
    assert settings.by_hand == {"phone"}
    assert isinstance(providers["email"].send(message("ada@example.org")), Sent)
    assert "ada@" not in (tmp_path / "outreach" / "dry-run-email.jsonl").read_text()


def test_a_home_reaches_people_as_it_says(tmp_path: Path) -> None:
    """Real servers take what the settings name, with the secrets of the environment."""
    with GatewayTestServer() as gateway, MailTestServer() as mail:
        home = home_with(
            tmp_path,
            f"""
            drafts = true
            [[channels]]
            name = "sms"
            kind = "webhook"
            url = "{gateway.url}"
            secret_env = "SMS_SECRET"
            inbound_env = ["IN", "OLD"]
            limit = 2
            failures = 1
            [[channels]]
            name = "email"
            kind = "smtp"
            host = "127.0.0.1"
            port = {mail.port}
            encryption = "none"
            sender = "help@bank.example"
            """,
        )
        settings = read_outreach(home)
        providers = providers_of(settings, home, ENVIRON)

        answers = [providers["sms"].send(message("+491")) for _ in range(4)]
        assert [type(one).__name__ for one in answers[:2]] == ["Sent", "Sent"]
        assert answers[2] == answers[3] == Refused(LIMITED, lasting=False)  # and the breaker has not opened
        assert isinstance(providers["email"].send(message("ada@example.org")), Sent)
        assert providers["sms"].reconciles
        assert not providers["email"].reconciles
        assert set(doors_of(settings, ENVIRON)) == {"sms"}
        assert len(doors_of(settings, ENVIRON)["sms"].secrets) == 2
        assert not [one for one in (*providers.values(), settings) if "ssss" in repr(one)]


def test_drafts_are_not_sent(tmp_path: Path) -> None:
    """A real provider and wording that nobody approved do not go together, unless somebody says so."""
    channel = '[[channels]]\nname = "sms"\nkind = "webhook"\nurl = "https://x.example"\nsecret_env = "SMS_SECRET"\n'
    home = home_with(tmp_path, channel)
    with pytest.raises(ConfigError, match="nobody has approved"):
        wording_of(read_outreach(home), home)

    approved = text_of("wording.toml").replace(
        'status = "draft"', 'status = "approved"\napproved_by = "A. Risk"\napproved_on = 2026-11-01'
    )
    (tmp_path / "wording.toml").write_text(approved)
    assert not wording_of(read_outreach(home), home).drafts

    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    home = home_with(tmp_path, f"drafts = true\n{channel}")
    assert wording_of(read_outreach(home), home).drafts


def test_every_text_is_sayable_as_shipped(tmp_path: Path) -> None:
    """The shipped settings hold every value that the shipped wording needs."""
    home = Home(tmp_path)
    settings = read_outreach(home)
    found = wording_of(settings, home)

    for one in found.templates:
        for language in found.languages:
            assert "Ms Lovelace" in found.render(one.name, language, values_of(settings, ADA)).text or (
                "{greeting}" not in one.texts[language].text
            )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[channels]]\nname = "sms"\nkind = "fax"\n', "kind"),
        ('[[channels]]\nname = "sms"\nkind = "webhook"\nurl = "https://x.example"\n', "lacks secret_env"),
        ('[[channels]]\nname = "sms"\nkind = "dry_run"\nurl = "https://x.example"\n', "no use for url"),
        ('[[channels]]\nname = "a"\nkind = "dry_run"\n[[channels]]\nname = "a"\nkind = "dry_run"\n', "called a"),
        ('[[channels]]\nname = "sms"\nkind = "dry_run"\nseconds = 31.0\n', "total_seconds"),
        ('[people]\nkind = "http"\n', "lack url"),
        ('[people]\npath = "../people.csv"\n', "leads out"),
        ('[people]\npath = "/etc/people.csv"\n', "leads out"),
        ('jurisdiction = "fr"\n', "jurisdiction"),
        ('password = "x"\n', "password"),
    ],
)
def test_settings_that_cannot_be_name_their_key(tmp_path: Path, text: str, says: str) -> None:
    """What is wrong is said where it stands."""
    with pytest.raises(ConfigError, match=says):
        read_outreach(home_with(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('kind = "webhook"\nurl = "https://x.example"\nsecret_env = "NOT_THERE"\n', "NOT_THERE"),
        ('kind = "webhook"\nurl = "https://x.example"\nsecret_env = "MAIL"\n', "16 bytes"),
        ('kind = "webhook"\nurl = "http://x.example"\nsecret_env = "SMS_SECRET"\n', "neither https"),
        ('kind = "smtp"\nhost = "mail.example"\nsender = "a@b.example"\nencryption = "none"\n', "without encryption"),
        ('kind = "smtp"\nhost = "h"\nsender = "a@b.example"\npassword_env = "NOT_THERE"\n', "NOT_THERE"),
        ('kind = "apprise"\nurl_env = "NOT_THERE"\n', "NOT_THERE"),
    ],
)
def test_providers_that_cannot_be_say_why(tmp_path: Path, text: str, says: str) -> None:
    """A variable that is missing is named; what it holds is not shown."""
    home = home_with(tmp_path, f'[[channels]]\nname = "sms"\n{text}')
    with pytest.raises(ConfigError, match=says) as refused:
        providers_of(read_outreach(home), home, ENVIRON)
    assert "ssss" not in str(refused.value)


def test_people_and_plans_are_where_the_settings_say(tmp_path: Path) -> None:
    """A file of the home by default, a system over HTTP where it is named; no payment system unless there is one."""
    home = Home(tmp_path)
    (tmp_path / "people.csv").write_text("customer_id,email\nC-17,ada@example.org\n")
    settings = read_outreach(home)
    person = people_of(settings, home, {}).find("C-17")
    assert person is not None
    assert person.at("email") == "ada@example.org"
    assert payments_of(settings, {}) is None

    http = 'url = "https://crm.example"\nsecret_env = "CRM"\n'
    home = home_with(tmp_path, f'[people]\nkind = "http"\n{http}[payments]\n{http}')
    assert "HttpCrm" in repr(people_of(read_outreach(home), home, ENVIRON))
    assert "HttpPayments" in repr(payments_of(read_outreach(home), ENVIRON))
    with pytest.raises(ConfigError, match="secret_env"):
        people_of(read_outreach(home), home, {})


def test_wording_is_listed_shown_and_checked(cli: Cli, tmp_path: Path) -> None:
    """Under --json each says the same as to a person, in one line."""
    home = str(tmp_path)
    listed = json.loads(cli("wording", "list", "--home", home, "--json").out)
    shown = json.loads(cli("wording", "show", "help_page", "--home", home, "--json").out)
    (tmp_path / "mine.toml").write_text(text_of("wording.toml"))
    checked = json.loads(cli("wording", "check", str(tmp_path / "mine.toml"), "--json").out)

    assert {"help_page", "due_date_change"} <= {one["name"] for one in listed["templates"]}
    assert set(shown["texts"]) == set(listed["languages"]) == {"en", "de", "fr", "es"}
    assert checked["digest"] == listed["digest"]
    assert "help_page" in cli("wording", "list", "--home", home).out


def test_a_preview_is_what_would_be_sent(cli: Cli, tmp_path: Path) -> None:
    """In the customer's language, with their name, and with how many parts an SMS would have."""
    home = str(tmp_path)
    (tmp_path / "people.csv").write_text("customer_id,language,address_as\nC-17,de-AT,Frau Lovelace\n")
    letter = cli("wording", "preview", "gentle_reminder", "--customer", "C-17", "--home", home).out
    sms = json.loads(cli("wording", "preview", "due_date_change", "--lang", "es", "--home", home, "--json").out)

    assert "Guten Tag Frau Lovelace," in letter
    assert (sms["language"], sms["sms_parts"]) == ("es", 1)


@pytest.mark.parametrize(
    "arguments", [["preview", "no_such"], ["show", "no_such"], ["preview", "help_page", "--customer", "C-0"]]
)
def test_what_is_not_there_is_said_in_one_line(cli: Cli, tmp_path: Path, arguments: list[str]) -> None:
    """Nothing on stdout, one line on stderr, the status of who must act."""
    ended = cli("wording", *arguments, "--home", str(tmp_path))

    assert ended.code == 2
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1


def test_a_threat_is_refused_at_the_check(cli: Cli, tmp_path: Path) -> None:
    """The file, the template, the language and the word are named."""
    path = tmp_path / "mine.toml"
    path.write_text(text_of("wording.toml").replace("If it looks tight", "Pay now or go to court. If it looks tight"))
    ended = cli("wording", "check", str(path))
    said = ended.err

    assert ended.code == 2
    assert "gentle_reminder in en" in said
    assert "threatens" in said
