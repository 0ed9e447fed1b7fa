"""A synthetic bank behind the HTTP interface, for whoever wants to look at it."""

from __future__ import annotations

from datetime import datetime

from forbear.apps.api.keys import KeyWish, state_of
from forbear.apps.api.opening import Opening, office_of
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.demo import ALL_DAYS, live_bank
from forbear.apps.jobs.keys import show_new_key
from forbear.apps.jobs.serving import Listening, serve
from forbear.domain.errors import ConfigError
from forbear.engine.office import Role
from forbear.features.columns import micros
from forbear.simulation.spec import BankSpec

CUSTOMERS, SEED = 600, 7
"""Few, so that it comes quickly."""
NAME = "forbear serve --demo"
"""Whose its key is, and who told its deployment what is in force."""


def serve_demo(asked: Opening, listening: Listening, console: Console, *, now: datetime) -> None:
    """Make a small synthetic bank in a home that holds none, show an administrator's key once, and serve.

    A home that a worker has worked in is served as it is. Raises ConfigError where its data are not synthetic.
    """
    home = Home(asked.home)
    if home.holds_data and not home.synthetic:
        raise ConfigError(
            f"{home.folder} holds a bank's data", mend="serve it without --demo, or choose another --home"
        )
    if not (home.holds_data and home.database.exists()):
        live_bank(home, BankSpec(customers=CUSTOMERS, days=ALL_DAYS, seed=SEED), console, by=NAME, made_at=now)
    show_demo_key(asked, listening, console, now=now)
    serve(asked, listening, console)


def show_demo_key(asked: Opening, listening: Listening, console: Console, *, now: datetime) -> None:
    """Make a key and show it, with lines to paste; where one holds already, say how to make another.

    Nothing is made where nobody reads what is said: it would be shown to nobody.
    """
    if not console.to_person:
        return
    with office_of(asked.home, asked.environment, writer=f"{listening.writer}-demo") as office:
        known = office.keyring.keys()
        held = [key for key in known if key.name == NAME and state_of(key, micros(now)) == "holds"]
        if held:
            console.say(
                f"Key {held[0].key_id} ({held[0].role}) was shown when it was made. Another one: "
                f"forbear keys create --name me --role admin --home {asked.home}"
            )
            return
        text = show_new_key(office, console, KeyWish(name=NAME, role=Role.ADMIN), now=now)
    if listening.port:  # else only the server will know it
        console.say(
            f"Try it, in another terminal:\n"
            f"  export FORBEAR_URL=http://{listening.host}:{listening.port} FORBEAR_KEY={text}\n"
            '  curl -H "Authorization: Bearer $FORBEAR_KEY" "$FORBEAR_URL/v1/high-risk?limit=3"'
        )
