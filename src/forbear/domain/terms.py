"""The words of the domain that are enumerations. Their values are what records and files carry."""

from __future__ import annotations

from enum import StrEnum


class AccountKind(StrEnum):
    """What an account is. Only current and savings accounts make up a customer's liquid balance."""

    CURRENT = "current"
    SAVINGS = "savings"
    CARD = "card"
    LOAN = "loan"


class Direction(StrEnum):
    """Which way the money went, seen from the account."""

    CREDIT = "credit"
    DEBIT = "debit"


class Channel(StrEnum):
    """How a transaction was made."""

    ATM = "atm"
    BRANCH = "branch"
    CARD = "card"
    DIRECT_DEBIT = "direct_debit"
    INTERNAL = "internal"
    ONLINE = "online"
    STANDING_ORDER = "standing_order"
    TRANSFER = "transfer"
    OTHER = "other"


class Category(StrEnum):
    """What the money was for, as the bank's own categoriser says. `other` when it does not say."""

    SALARY = "salary"
    PENSION = "pension"
    BENEFIT = "benefit"
    INTEREST = "interest"
    REFUND = "refund"
    LENDING = "lending"
    OWN_TRANSFER = "own_transfer"
    RENT = "rent"
    MORTGAGE = "mortgage"
    LOAN_REPAYMENT = "loan_repayment"
    CARD_REPAYMENT = "card_repayment"
    UTILITIES = "utilities"
    INSURANCE = "insurance"
    TAX = "tax"
    GROCERIES = "groceries"
    HEALTH = "health"
    TRANSPORT = "transport"
    CHILDCARE = "childcare"
    HOUSEHOLD = "household"
    DINING = "dining"
    ENTERTAINMENT = "entertainment"
    SHOPPING = "shopping"
    TRAVEL = "travel"
    SUBSCRIPTION = "subscription"
    GAMBLING = "gambling"
    CASH = "cash"
    FEE = "fee"
    OVERDRAFT_INTEREST = "overdraft_interest"
    OTHER = "other"


class Status(StrEnum):
    """Whether money moved. A failed transaction never counts as spending or income."""

    BOOKED = "booked"
    FAILED = "failed"


class FailureReason(StrEnum):
    """Why a transaction failed. Only want of money is a sign of stress; a technical fault is the bank's."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    LIMIT_REACHED = "limit_reached"
    ACCOUNT_BLOCKED = "account_blocked"
    MANDATE_CANCELLED = "mandate_cancelled"
    TECHNICAL = "technical"


class ObligationKind(StrEnum):
    """What a scheduled payment is for."""

    LOAN = "loan"
    MORTGAGE = "mortgage"
    CARD = "card"
    RENT = "rent"
    UTILITIES = "utilities"
    INSURANCE = "insurance"
    OTHER = "other"


class Frequency(StrEnum):
    """How often a scheduled payment falls due, counted from its first due date."""

    ONCE = "once"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class OutcomeStatus(StrEnum):
    """What became of one scheduled payment.

    `paid`: settled before it was ever reported missed (late or not: `paid_on` tells).
    `missed`: not settled when its grace ended.  `cured`: reported missed before, settled now.
    `waived`: reported missed before, and the lender has let it go: as if it had never been due.
    """

    PAID = "paid"
    MISSED = "missed"
    CURED = "cured"
    WAIVED = "waived"


class Instruction(StrEnum):
    """What a person tells a running deployment; it holds from its place in the log on.

    promote_model, promote_policy, promote_reasons: put the artefact, the policy, or the approved reasons of a digest
    in force.  start_outreach: from now on offers are made, before it history is only read.  stop_outreach: the kill
    switch.  release_volume: let an abnormal number of offers pass, up to the next close of a day.  force_close: the
    close that follows it was wanted by a person, whatever the feed had brought by then.  rollout: have a challenger
    score a share of the customers, as the roll-out of a digest says.  stop_rollout: the champion scores everybody.
    """

    PROMOTE_MODEL = "promote_model"
    PROMOTE_POLICY = "promote_policy"
    START_OUTREACH = "start_outreach"
    STOP_OUTREACH = "stop_outreach"
    RELEASE_VOLUME = "release_volume"
    FORCE_CLOSE = "force_close"
    PROMOTE_REASONS = "promote_reasons"
    ROLLOUT = "rollout"
    STOP_ROLLOUT = "stop_rollout"


PROMOTIONS = frozenset({Instruction.PROMOTE_MODEL, Instruction.PROMOTE_POLICY, Instruction.PROMOTE_REASONS})
"""Instructions that put what they name in force for everybody."""
NAME_A_DIGEST = PROMOTIONS | {Instruction.ROLLOUT}
"""Instructions that name a digest."""


class Answer(StrEnum):
    """What came back on an offer of help.

    accepted, declined: what the customer said.  no_answer: nobody was reached, or nothing came back.  opted_out: the
    customer wants no more contact of this kind; nobody is contacted again until a customer update says otherwise.
    wrong_person: somebody else was reached; the same holds.
    """

    ACCEPTED = "accepted"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    OPTED_OUT = "opted_out"
    WRONG_PERSON = "wrong_person"


class Circumstance(StrEnum):
    """What a bank knows of a customer and must heed before it writes to them.

    vulnerable: in circumstances that call for care.  legal_stop: the law forbids contact, and no more is said.
    customer_request: the customer has asked for help.  The others say why there may be no contact; they are called as
    the stops of the contact ledger (`domain.contacts.Stop`), which they become.
    """

    VULNERABLE = "vulnerable"
    LEGAL_STOP = "legal_stop"
    CUSTOMER_REQUEST = "customer_request"
    DECEASED = "deceased"
    BANKRUPTCY = "bankruptcy"
    ATTORNEY = "attorney"
    CEASE = "cease"
    DISPUTE = "dispute"
    BREATHING_SPACE = "breathing_space"
    MENTAL_HEALTH_CRISIS = "mental_health_crisis"
    BEREAVEMENT = "bereavement"


FLAGGED = (Circumstance.VULNERABLE, Circumstance.LEGAL_STOP, Circumstance.CUSTOMER_REQUEST)
"""What a decision tells apart, in the order in which snapshots and records have always kept it."""
STOPPING = frozenset(Circumstance) - {Circumstance.VULNERABLE, Circumstance.CUSTOMER_REQUEST}
"""Circumstances in which nobody is offered help: all of them count as the flag `legal_stop`."""
