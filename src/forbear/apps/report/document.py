"""The report as a whole: headline, sections and provenance, in one HTML document."""

from __future__ import annotations

from collections.abc import Mapping

from forbear.apps.page.frame import feed_section, footer, section, terms, tiles, whole
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, PERCENT
from forbear.apps.report.customer import customer_page
from forbear.apps.report.foresight import early_section, risk_section, sure_section
from forbear.apps.report.gather import Chain, Report, gather
from forbear.apps.report.help import contacts_section, cost_section, decisions_section, hold_out_section
from forbear.apps.report.labels import labels, titled
from forbear.apps.report.request import ReportRequest, Sources
from forbear.apps.report.wording import dated, money, plain
from forbear.domain.deployment import HORIZON_DAYS, Deployment
from forbear.engine.outputs import Part
from forbear.engine.ports import Vault
from forbear.engine.queries import Queries

NOTHING_YET = (
    "No day has been closed by the worker yet, so there is nothing to report. Send events to the log, promote a model "
    "and a policy, start the worker, and make this page again after the first day close."
)


def write_report(
    queries: Queries, vault: Vault, deployment: Deployment, ids: Mapping[int, str], request: ReportRequest
) -> str:
    """The complete HTML page of what the store holds, or of one customer if the request names one.

    ids: customer id by key, for those whom the store was never told of. Equal stores give equal text. Raises
    NotEnoughData where none of the days asked for is closed, or where nothing is recorded of the customer; else as the
    queries do.
    """
    sources = Sources(queries, vault, deployment, ids)
    if request.customer is not None:
        return customer_page(sources, request.customer, request.created)
    report = gather(sources, request)
    return empty_page(sources, request) if report is None else render(report)


def render(report: Report) -> str:
    """The page of a report that was gathered."""
    main = element(
        "main",
        risk_section(report),
        early_section(report),
        sure_section(report),
        decisions_section(report),
        cost_section(report),
        contacts_section(report),
        hold_out_section(report),
        _in_force(report),
        _told(report.chain),
        feed_section(report.events),
    )
    title, synthetic = titled(_TITLE, report.sources), report.sources.synthetic
    return whole(title, _header(report), main, _footer(report), synthetic=synthetic)


def empty_page(sources: Sources, request: ReportRequest) -> str:
    """The page of a store in which no day was closed yet: what to do."""
    header = element(
        "header",
        *labels(sources),
        element("h1", titled(_TITLE, sources)),
        element("p", f"{sources.deployment.source}. Made {request.created}.", class_="eyebrow"),
        element("p", NOTHING_YET, class_="headline"),
    )
    foot = footer("Provenance", {}, request.created, synthetic=sources.synthetic)
    return whole(titled(_TITLE, sources), header, foot, synthetic=sources.synthetic)


_TITLE = "Early delinquency: the running system"


def _header(report: Report) -> Html:
    period = f"{dated(report.first)} to {dated(report.last.day)}"
    return element(
        "header",
        *labels(report.sources),
        element("h1", titled(_TITLE, report.sources)),
        element("p", f"{report.sources.deployment.source}, {period}. Made {report.created}.", class_="eyebrow"),
        element("p", _headline(report), class_="headline"),
        _tiles(report),
    )


def _headline(report: Report) -> str:
    last, offered = report.last, sum(one.decisions for one in report.offers)
    if not last.scored:
        return f"Nobody is scored yet. The ledgers of {COUNT.write(last.customers)} customers are being kept."
    return (
        f"{COUNT.write(report.in_bands)} of {COUNT.write(last.scored)} customers are at risk enough to be in a band; "
        f"help was offered {COUNT.write(offered)} time{'' if offered == 1 else 's'} in {COUNT.write(len(report.live))} "
        "days."
    )


def _tiles(report: Report) -> Html:
    last, chain, policy = report.last, report.chain, report.wording.policy
    share = PERCENT.write(last.expected_misses / last.scored) if last.scored else ""
    spent = money(report.cost_minor, policy.currency) if policy else "no policy in force"
    return tiles(
        ("Customers scored", COUNT.write(last.scored), f"of {COUNT.write(last.customers)} in the book"),
        (
            f"Expected to miss in {HORIZON_DAYS} days",
            f"{last.expected_misses:.1f}",
            f"{share} of those scored" if share else "",
        ),
        ("Offers", COUNT.write(sum(one.decisions for one in report.offers)), spent),
        (
            "Audit chain",
            "broken" if chain.broken else "whole",
            f"{COUNT.write(chain.records)} records verified",
        ),
    )


def _in_force(report: Report) -> Html:
    """Model and policy, the audit chain, and whether every score is explained."""
    status, chain, found = report.status, report.chain, report.additivity
    broken = chain.broken
    verified = f"whole, {COUNT.write(chain.records)} records"
    if broken is not None:
        verified = f"BROKEN at record {broken.sequence}: {broken.why}"
    moved = "" if report.moved == report.position else f"; the store moved on to {tuple(report.moved)} meanwhile"
    answers = {
        "Model": _part(status.model, chain),
        "Policy": _part(status.policy, chain),
        "Reasons in words": _part(status.reasons, chain),
        "Audit chain": verified,
        "Anchor, to be kept elsewhere": chain.anchor or "none: the chain is empty",
        "Position of the log": f"offset {report.position.offset}, ordinal {report.position.ordinal}{moved}",
        "Additivity": (
            f"of {COUNT.write(found.rows)} scores, the one furthest from the sum of its attributions is off by "
            f"{found.largest_error:.2g} log-odds"
        ),
    }
    state = "as it was written" if broken is None else "no longer what was written"
    lead = f"What decides, and proof of what was decided: the record of every decision is {state}."
    return section("In force, and on record", lead, terms(answers))


def _part(part: Part | None, chain: Chain) -> str:
    if part is None:
        return "none yet"
    name = part.document.get("kind") or part.document.get("version")
    on = next((f" on {dated(one.day)}" for one in reversed(chain.told) if one.value == part.digest), "")
    return f"{name}, number {part.number}, promoted by {part.by}{on}, at offset {part.offset}; sha256 {part.digest}"


def _told(chain: Chain) -> Html:
    if not chain.told:
        return Html()
    rows = [
        element(
            "tr",
            row_heading(dated(one.day)),
            element("td", plain(one.instruction), small(one.value), class_="text"),
            element("td", one.by, class_="text"),
        )
        for one in reversed(chain.told)
    ]
    head = [column("Open day"), column("Instruction", class_="text"), column("By", class_="text")]
    lead = "Models and policies come into force, and outreach starts and stops, only by a person's word on the log."
    caption = "Everything that people told the deployment since its log began, the latest first."
    return section("Who decided what is in force", lead, table(caption, head, element("tbody", *rows), name="Told"))


def _footer(report: Report) -> Html:
    status = report.status
    facts = {
        "rows": ", ".join(f"{name} {COUNT.write(rows)}" for name, rows in sorted(status.rows.items())),
        "position": f"{report.position.offset}.{report.position.ordinal}",
        "anchor": report.chain.anchor,
    }
    return footer("Provenance", facts, report.created, synthetic=report.sources.synthetic)
