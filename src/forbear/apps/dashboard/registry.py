"""Which pages there are, where they stand, and who sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forbear.apps.dashboard.session import Desk

EVERYBODY = frozenset({"viewer", "agent", "analyst", "approver", "admin", "service"})
BOOK = frozenset({"analyst", "approver", "admin", "service"})
"""Whoever may see lists of customers."""
PERSONAL = EVERYBODY - {"viewer"}
HELPERS = frozenset({"agent", "approver", "admin", "service"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A page. name: of its module.  icon: a material symbol.  section: under which it stands.

    asks: operations that it cannot do without; a role that may ask none of them does not see it.
    says: in one line, what it answers.
    """

    name: str
    title: str
    icon: str
    section: str
    roles: frozenset[str]
    says: str

    @property
    def path(self) -> str:
        """Its path in the URL."""
        return self.name.replace("_", "-")

    @property
    def module(self) -> str:
        """Where its `show` is."""
        return f"forbear.apps.dashboard.pages.{self.name}"

    @property
    def there(self) -> bool:
        """Whether this installation has it."""
        return find_spec(self.module) is not None

    def show(self) -> Callable[[Desk], None]:
        """What draws it."""
        draw: Callable[[Desk], None] = import_module(self.module).show
        return draw


def _entry(name: str, title: str, icon: str, section: str, roles: frozenset[str], says: str) -> Entry:  # noqa: PLR0913  # a table
    return Entry(name=name, title=title, icon=f":material/{icon}:", section=section, roles=roles, says=says)


_BOOK, _WORK, _MODEL = "The book", "People", "Model and policy"
ENTRIES: tuple[Entry, ...] = (
    _entry("executive", "Executive summary", "dashboard", _BOOK, EVERYBODY, "How the book stands, and what was done."),
    _entry("heat_map", "Risk heat map", "grid_on", _BOOK, EVERYBODY, "Where in the book the risk is."),
    _entry("acceleration", "Acceleration", "trending_up", _BOOK, BOOK, "Who is getting worse fastest."),
    _entry("credit_risk", "Credit risk", "account_balance", _BOOK, BOOK, "Expected loss, stages and migration."),
    _entry("live", "Live", "sensors", _BOOK, EVERYBODY, "What is happening now."),
    _entry("worklist", "Interventions and worklist", "checklist", _WORK, HELPERS, "What is to be done, and by when."),
    _entry("customer", "Customer", "person_search", _WORK, PERSONAL, "One customer: risk, reasons and what was done."),
    _entry("drift", "Drift", "monitoring", _MODEL, BOOK, "Whether the model still sees what it was trained on."),
    _entry("fairness", "Fairness", "balance", _MODEL, BOOK, "Whether groups are treated alike."),
    _entry("roi", "ROI and experiments", "science", _MODEL, BOOK, "Whether help pays, by comparison."),
    _entry("cockpit", "Policy cockpit", "tune", _MODEL, BOOK, "What another line or capacity would do."),
)
"""All pages, in the order of the navigation."""
BY_NAME = {entry.name: entry for entry in ENTRIES}
HOME = "executive"
"""The page at the root."""
