"""What `forbear models shadow` shows, and the document and the page that it writes."""

from __future__ import annotations

from pathlib import Path

from forbear.adapters.disk import write_document, write_whole
from forbear.apps.beside import page_beside
from forbear.apps.console import Console, interval
from forbear.apps.home import Home
from forbear.apps.jobs.shadowing import Shadowed, ShadowRequest, shadow_of
from forbear.apps.shadow_page import shadow_page
from forbear.models.paired import PairedAuc


def show_shadow(home: Home, request: ShadowRequest, out: Path | None, created: str, console: Console) -> Shadowed:
    """Write what a challenger says in the shadow as JSON, and a page beside it, and show the main figures.

    out: the file; None: in the home's reports.  created: when, in words.
    """
    found = shadow_of(home, request, console)
    seen, synthetic = found.shadow, home.synthetic
    path = out or home.reports / f"shadow-{found.challenger.digest[:12]}.json"
    page = page_beside(path)
    document = {"synthetic": synthetic, **found.document()}
    write_document(path, document)
    write_whole(page, shadow_page(found, created, synthetic=synthetic).encode())
    console.result({"document": str(path), "page": str(page), **document})
    if synthetic:
        console.say("Synthetic data: none of this is evidence about real customers")
    means = {name: interval(one, ".4f") for name, one in seen.mean_pd.items()}
    console.table(
        f"{len(seen.recorded):,} decisions from {found.first} to {found.last}, 95 % intervals",
        ("", "Champion", "Challenger", "Difference"),
        [("Mean PD", *means.values()), *(_row(name, auc) for name, auc in _judged(found).items())],
    )
    console.say(
        f"Offers: {int(seen.recorded.offered.sum()):,}, of which the challenger would put {seen.still_in_band:,} "
        f"into a band; lists of each day's riskiest agree in {seen.ranks.common:,} of {seen.ranks.places:,} places"
    )
    console.say(f"{seen.reproduced:,} of {len(seen.recorded):,} recorded scores come out again to the last bit")
    if found.has_seen:
        console.say("The challenger has seen outcomes of these days in training: its AUC is too good")
    console.say(f"Document: {path}")
    console.say(f"Page: {page}")
    return found


def _judged(found: Shadowed) -> dict[str, PairedAuc]:
    told = {"AUC": found.shadow.matured, "AUC without an offer": found.shadow.without_offer}
    return {f"{name}, {auc.rows:,} decisions": auc for name, auc in told.items() if auc is not None}


def _row(name: str, auc: PairedAuc) -> tuple[str, str, str, str]:
    first, second, difference = (interval(one, ".3f") for one in (auc.first, auc.second, auc.difference))
    return name, first, second, difference
