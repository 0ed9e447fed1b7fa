"""The report's sections on help: what was offered or held and why, what it costs, how often, and the hold-out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from forbear.apps.page.canvas import Drawing
from forbear.apps.page.frame import section
from forbear.apps.page.legend import key_square, plotted
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, SPACE, Notation, round_percent
from forbear.apps.report import plots
from forbear.apps.report.gather import Report
from forbear.apps.report.holdout import LEAST_MATURE, Arm, HoldOut
from forbear.apps.report.wording import MEANINGS, OFFER, money, plain
from forbear.domain.deployment import HORIZON_DAYS
from forbear.engine.queries import Tally
from forbear.policy.document import Policy
from forbear.policy.proposals import HoldReason

COLOURS: Mapping[str, str] = {
    OFFER: "accent",
    HoldReason.HOLD_OUT: "teal",
    HoldReason.CAPACITY: "amber",
    HoldReason.ABNORMAL_VOLUME: "navy",
    HoldReason.REPLAY: "slate",
    HoldReason.KILL_SWITCH: "ink",
    HoldReason.EXPIRED: "sky",
    HoldReason.COOL_DOWN: "muted",
}
"""Colours of what can become of a choice."""
_POINTS = Notation(lambda _: 1, factor=100.0, signed=True)
"""Differences of shares, in percentage points."""


def decisions_section(report: Report) -> Html:
    """What was offered or held, and why."""
    title, total = "What was offered or held, and why", sum(one.decisions for one in report.tallies)
    offered = sum(one.decisions for one in report.offers)
    if not total:
        lead = "Nothing was decided in this period: no score led to the choice of an action."
        return section(title, lead, _verdicts(report))
    held = f"{COUNT.write(total - offered)} were held"
    lead = (
        f"Of {COUNT.write(total)} choices of an action, {COUNT.write(offered)} were offered and {held}. A choice is "
        "made where the policy would contact the customer; who is in no band, or was answered lately, needs none. What "
        "is decided as a day closes counts for the next."
    )
    cards = element("div", _by_day(report.tallies), class_="grid")
    return section(title, lead, cards, _by_action(report.tallies), _verdicts(report))


def _by_day(tallies: Sequence[Tally]) -> Html:
    counts: dict[str, dict[int, int]] = {}
    for one in tallies:
        days = counts.setdefault(one.outcome, defaultdict(int))
        days[one.day] += one.decisions
    ranked = sorted(counts, key=lambda outcome: (outcome != OFFER, -sum(counts[outcome].values())))
    told = "; ".join(f"{plain(outcome)} {COUNT.write(sum(counts[outcome].values()))}" for outcome in ranked)
    summary = f"In all: {told}."
    colours = {outcome: COLOURS.get(outcome, "rule") for outcome in ranked}
    drawing = Drawing("decisions", f"Decisions by day and outcome. {summary}", height=3.3, width=11.0)
    drawn = plots.by_day({outcome: counts[outcome] for outcome in ranked}, colours, drawing)
    key = element("ul", *(key_square(colours[outcome], plain(outcome)) for outcome in ranked), class_="legend")
    parts = (element("h3", "Decisions over time"), key, plotted(drawn), element("figcaption", summary))
    return element("figure", *parts, class_="card whole")


def _by_action(tallies: Sequence[Tally]) -> Html:
    """A row for each action and channel, a column for each outcome."""
    outcomes = sorted({one.outcome for one in tallies}, key=lambda outcome: (outcome != OFFER, outcome))
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for one in tallies:
        row = counts.setdefault((one.action, one.channel), defaultdict(int))
        row[one.outcome] += one.decisions
    rows = [
        element(
            "tr",
            row_heading(plain(action), small(channel)),
            *(element("td", COUNT.write(found[outcome]) if outcome in found else DASH) for outcome in outcomes),
            element("td", COUNT.write(sum(found.values()))),
        )
        for (action, channel), found in sorted(counts.items())
    ]
    head = [column("Action"), *(column(plain(outcome)) for outcome in outcomes), column("all")]
    meanings = "; ".join(f"{plain(outcome)}: {MEANINGS.get(outcome, 'of another version')}" for outcome in outcomes)
    return table(f"Choices by action, channel and outcome. {meanings}.", head, element("tbody", *rows), name="Actions")


def _verdicts(report: Report) -> Html:
    """What the policy said at once to the scores of day closes."""
    total: dict[str, int] = defaultdict(int)
    for row in report.days:
        for word, count in row.verdicts.items():
            total[word] += count
    if not total:
        return Html()
    every = sum(total.values())
    rows = [
        element(
            "tr",
            row_heading(plain(word), small(MEANINGS.get(word, ""))),
            element("td", COUNT.write(count)),
            element("td", PERCENT.write(count / every)),
        )
        for word, count in sorted(total.items(), key=lambda pair: -pair[1])
    ]
    head = [column("Verdict"), column("Scores"), column("Share")]
    caption = f"What the policy said at once to the {COUNT.write(every)} scores of all day closes."
    return table(caption, head, element("tbody", *rows), name="Verdicts")


def cost_section(report: Report) -> Html:
    """What the offers cost."""
    title, policy = "What it costs", report.wording.policy
    if policy is None or not report.offers:
        return section(title, "Nothing was offered in this period, so nothing was spent.")
    total, days = report.cost_minor, len(report.live)
    early = report.earliness
    foreseen = len(early.by_offer) if early else 0
    per_miss = (
        f"{money(round(total / foreseen), policy.currency)} for each of the {COUNT.write(foreseen)} missed payments "
        "that an offer had come before"
        if foreseen
        else "no missed payment of this period had an offer before it"
    )
    lead = (
        f"The offers of {COUNT.write(days)} closed days, since anybody was scored, cost "
        f"{money(total, policy.currency)} by the policy's own prices: {money(round(total / days), policy.currency)} a "
        f"day, and {per_miss}. What help is worth is another question; see the hold-out below."
    )
    offers: dict[tuple[str, str], list[int]] = {}
    for one in report.offers:
        row = offers.setdefault((one.action, one.channel), [0, 0])
        row[0] += one.decisions
        row[1] += one.cost_minor
    rows = [
        element(
            "tr",
            row_heading(plain(action), small(channel)),
            element("td", COUNT.write(count)),
            element("td", money(cost, policy.currency)),
            element("td", money(round(cost / days), policy.currency)),
        )
        for (action, channel), (count, cost) in sorted(offers.items())
    ]
    head = [column("Action"), column("Offers"), column("Cost"), column("Cost a day")]
    caption = "Offers and what they cost, rounded to the minor unit."
    return section(title, lead, table(caption, head, element("tbody", *rows), name="Cost"))


def contacts_section(report: Report) -> Html:
    """How often customers were contacted, beside what the policy allows."""
    title, policy = "How often customers were contacted", report.wording.policy
    if policy is None or not report.contacts:
        return section(title, "Nobody was contacted in this period.")
    days = report.last.day - report.live[0].day + 1
    most, allowed = max(report.contacts), most_contacts(policy, days)
    kept = "Nobody was contacted more often" if most <= allowed else "This bound was broken"
    lead = (
        f"The policy leaves {policy.contact.cool_down_days} days between two contacts of a customer, so at most "
        f"{COUNT.write(allowed)} fit into these {COUNT.write(days)} days. {kept}: the most is {COUNT.write(most)}."
    )
    rows = [(f"{times} time{'s' if times > 1 else ''}", count) for times, count in sorted(report.contacts.items())]
    summary = f"{COUNT.write(sum(report.contacts.values()))} customers were contacted; erased ones are not counted."
    drawing = Drawing("contacts", f"Customers by number of contacts. {summary}", height=0.2 + 0.39 * len(rows))
    how = element("p", "How many customers were contacted how often in this period.", class_="how")
    heading = element("h3", "Contacts of a customer")
    side = element("div", heading, how, plotted(plots.counted(rows, drawing)), class_="side")
    card = element("figure", side, _bounds(policy), element("figcaption", summary), class_="card wide")
    return section(title, lead, element("div", card, class_="grid"))


def most_contacts(policy: Policy, days: int) -> int:
    """How many contacts of one customer fit into so many days by the policy's cool-down. days: above 0."""
    return (days - 1) // policy.contact.cool_down_days + 1


def _bounds(policy: Policy) -> Html:
    rows = [
        element(
            "tr",
            row_heading(channel.name),
            element("td", COUNT.write(channel.cool_down_days)),
            element("td", COUNT.write(channel.capacity_per_day)),
        )
        for channel in policy.channels
    ]
    head = [column("Channel"), column("Days between"), column("Places a day")]
    caption = (
        f"What the policy in force allows. On any channel: {policy.contact.cool_down_days} days between two contacts, "
        f"{policy.contact.repeat_days} days before the same band is answered again."
    )
    return table(caption, head, element("tbody", *rows), name="Bounds of contact")


def hold_out_section(report: Report) -> Html:
    """The hold-out, and what may be said of its effect."""
    title, found = "The hold-out", report.hold_out
    if found is None:
        return section(title, "Not told: there is no policy yet, or the store does not know what became of a score.")
    size = (
        f"{COUNT.write(found.held_out.customers)} customers were held out by a hash, who would have been offered help; "
        f"the policy holds out {round_percent(found.share)}. {COUNT.write(found.proposed.customers)} had an offer "
        "proposed and might have been held out"
    )
    exempt = f"; {COUNT.write(found.exempt)} more cannot be, and are left out here." if found.exempt else "."
    return section(title, f"{size}{exempt} {_effect(found)}", _arms(found))


def _effect(found: HoldOut) -> str:
    effect = found.effect
    if effect is None:
        lacking = (("the hold-out", found.held_out), ("those with an offer proposed", found.proposed))
        told = " and ".join(f"{arm.lacking} of {name}" for name, arm in lacking if arm.lacking)
        return (
            f"No effect is claimed: {LEAST_MATURE} customers of each arm must have had their {HORIZON_DAYS} days, and "
            f"still missing are {told}."
        )
    across = effect.low <= 0.0 <= effect.high
    return (
        f"Where help was proposed, the share that missed a payment within {HORIZON_DAYS} days differs by "
        f"{_POINTS.write(effect.value)} percentage points ({_POINTS.interval(effect)}, 95{SPACE}% interval); below 0 "
        f"the help works. {'That is no evidence of an effect either way.' if across else 'The interval leaves 0 out.'}"
    )


def _arms(found: HoldOut) -> Html:
    rows = [_arm("Held out", found.held_out), _arm("Offer proposed", found.proposed)]
    head = [column("Arm"), column("Customers"), column("30 days over"), column("Of them missed"), column("Share")]
    caption = (
        "Customers by their first decision under the policy in force. Whose offer was proposed and held by the "
        "allocator is in the second arm too, since chance had no part in that."
    )
    return table(caption, head, element("tbody", *rows), name="Hold-out")


def _arm(name: str, arm: Arm) -> Html:
    share = PERCENT.write(arm.missed / arm.mature) if arm.mature else DASH
    counts = (arm.customers, arm.mature, arm.missed)
    cells = [*map(COUNT.write, counts), share]
    return element("tr", row_heading(name), *(element("td", cell) for cell in cells))
