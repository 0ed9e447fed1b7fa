"""Keys to the HTTP interface: made, listed and revoked by whoever runs the server."""

from __future__ import annotations

from datetime import UTC, datetime

from forbear.apps.api.keys import KeyWish, fresh_key, state_of
from forbear.apps.console import Console
from forbear.apps.jobs.accessing import access
from forbear.domain.errors import ConfigError
from forbear.engine.office import Keyring, Office
from forbear.features.columns import micros

_LONGEST_NAME = 200
_SHOWN = "%Y-%m-%d %H:%M UTC"


def show_new_key(office: Office, console: Console, wish: KeyWish, *, now: datetime) -> str:
    """Make a key, and show it: this once. Answers its text. Raises ConfigError for a name that is none."""
    if not (0 < len(wish.name) <= _LONGEST_NAME and wish.name.isprintable()):
        raise ConfigError(f"{wish.name!r} is no name for a key", mend="use 1 to 200 printable characters")
    text, record = fresh_key(wish, micros(now))
    office.keyring.add(record)
    office.accesses.record([access("create_key", f"key {record.key_id}", now)])
    until = _instant(record.expires_us)
    console.result({"key": text, "key_id": record.key_id, "role": record.role.value, "expires": until})
    console.say(f"Key {record.key_id} ({record.role}) holds until {until}. It is shown this once:")
    console.say(text)
    return text


def show_keys(keyring: Keyring, console: Console, *, now: datetime) -> None:
    """List all keys, oldest first."""
    keys = keyring.keys()
    told = [
        {
            "key_id": key.key_id,
            "name": key.name,
            "role": key.role.value,
            "state": state_of(key, micros(now)),
            "made": _instant(key.made_us),
            "expires": _instant(key.expires_us),
        }
        for key in keys
    ]
    console.result({"keys": told})
    console.table("Keys", ["id", "name", "role", "state", "made", "expires"], [[*one.values()] for one in told])


def show_revocation(office: Office, console: Console, *, key_id: str, now: datetime) -> None:
    """Have a key hold no longer. Raises ConfigError where there is none of that id."""
    if not office.keyring.revoke(key_id, micros(now)):
        raise ConfigError(f"there is no key {key_id!r}", mend="`forbear keys list` names them")
    office.accesses.record([access("revoke_key", f"key {key_id}", now)])
    console.result({"revoked": key_id})
    console.say(f"Key {key_id} holds no longer; a server that is running refuses it within seconds.")


def _instant(us: int | None) -> str:
    return "never" if us is None else datetime.fromtimestamp(us / 1e6, UTC).strftime(_SHOWN)
