"""What the kernels read and write: households, and the rows that they leave behind.

Money is in minor units. A day is its index in the run (0 = the first); NEVER is a day that does not come.
"""

from __future__ import annotations

import numpy as np

NEVER = 2**31 - 1
NO_INDEX = -1
DUTIES = 6
"""Places of a household's obligations: rent, mortgage, loan, card, utilities, insurance."""
OPEN_AT_ONCE = 3
"""Instalments of one obligation that can be open together: they lapse after 60 days, and fall due monthly."""
PLANNED_AT_MOST = 16
ROWS_PER_DAY = 128
"""More rows than a household can leave in a day: 4 for each open instalment, and some 30 besides."""

MONTHLY, WEEKLY, FORTNIGHTLY = range(3)

# Drawn once, written by nothing but help. pay: of one pay day; income, budget: of a month. Factors and shares around
# [0, 1].
TRAITS = np.dtype(
    [
        ("key", "u8"),
        ("pay", "i8"),
        ("income", "i8"),
        ("child_benefit", "i8"),
        ("budget", "i8"),
        ("buffer", "i8"),
        ("limit", "i8"),
        ("subscription", "i8"),
        ("thrift", "f8"),
        ("prudence", "f8"),
        ("response", "f8"),
        ("attention", "f8"),
        ("activity", "f8"),
        ("cash_taste", "f8"),
        ("night", "f8"),
        ("reversal_share", "f8"),
        ("rhythm", "i1"),
        ("pay_on", "i1"),
        ("subscription_on", "i1"),
        ("pensioner", "?"),
        ("saver", "?"),
        ("gambler", "?"),
        ("borrower", "?"),
    ]
)

# What one day hands to the next.
LIFE = np.dtype(
    [
        ("balance", "i8"),
        ("savings", "i8"),
        ("sequence", "i8"),
        ("open", "i8"),
        ("pay_factor", "f8"),
        ("jobless_until", "i8"),
        ("benefit_from", "i8"),
        ("cut_until", "i8"),
        ("cut_factor", "f8"),
        ("late_payer_until", "i8"),
        ("owed_pay", "i8"),
        ("owed_on", "i8"),
        ("spree_until", "i8"),
        ("spree_factor", "f8"),
        ("gambling_until", "i8"),
        ("bill", "i8"),
        ("bill_parts", "i8"),
        ("bill_on", "i8"),
        ("bill_movement", "i8"),
        ("debt", "i8"),
        ("debt_due", "i8"),
        ("overdrawn", "i8"),
        ("back_on", "i8"),
        ("back_amount", "i8"),
        ("back_movement", "i8"),
        ("back_sequence", "i8"),
    ]
)

# An obligation: day of the month on which it falls due (0 = not held), and what it costs from `rises_on` on.
DUTY = np.dtype(
    [("amount", "i8"), ("risen", "i8"), ("rises_on", "i8"), ("last", "i8"), ("day", "i8"), ("months", "i8")]
)

# An instalment that is not settled yet: due NO_INDEX = the place is free.
ARREAR = np.dtype([("due", "i8"), ("amount", "i8"), ("retry_on", "i8"), ("missed", "?")])

# A purchase that the customer means to make today.
PLAN = np.dtype([("second", "i8"), ("amount", "i8"), ("movement", "i8"), ("merchant", "i8")])

# What is left behind: one row an event. status is a code of Status, or of OutcomeStatus for an outcome; due is
# the day that an outcome, a day close or an update is about; duty and merchant are places, NO_INDEX = none.
ROW = np.dtype(
    [
        ("received_us", "i8"),
        ("booked_us", "i8"),
        ("amount", "i8"),
        ("balance", "i8"),
        ("customer", "i4"),
        ("sequence", "i4"),
        ("reverses", "i4"),
        ("due", "i4"),
        ("paid", "i4"),
        ("kind", "i1"),
        ("movement", "i1"),
        ("status", "i1"),
        ("duty", "i1"),
        ("merchant", "i1"),
    ]
)

HELP_KINDS = 6
OFFERS_AT_ONCE = 8
"""Offers that can wait for one household; a plan is handed out a month at a time at most."""

# Help: an offer that waits for its day (NEVER = the place is free), and what help that was taken up has changed for a
# while, with what it was before. moves_on: from that day on the obligation falls due on day_to. turns_on: the next day
# on which any of it begins or ends. early_until: up to that day money at hand is used to pay ahead.
OFFER = np.dtype([("day", "i8"), ("kind", "i8"), ("strength", "f8")])
HELP = np.dtype(
    [
        ("turns_on", "i8"),
        ("response", "i1", (HELP_KINDS,)),
        ("offers", OFFER, (OFFERS_AT_ONCE,)),
        ("moves_on", "i8", (DUTIES,)),
        ("day_to", "i8", (DUTIES,)),
        ("early_until", "i8"),
        ("reminded_until", "i8"),
        ("attention_before", "f8"),
        ("prudence_before", "f8"),
        ("reviewed_until", "i8"),
        ("buffer_before", "i8"),
        ("line_until", "i8"),
        ("line", "i8"),
    ]
)

# A household as the kernels see it: one record, so that it is handed on as one argument.
HOUSE = np.dtype(
    [
        ("number", "i8"),
        ("traits", TRAITS),
        ("life", LIFE),
        ("duties", DUTY, (DUTIES,)),
        ("arrears", ARREAR, (DUTIES, OPEN_AT_ONCE)),
        ("plan", PLAN, (PLANNED_AT_MOST,)),
        ("help", HELP),
    ]
)

BOOK_ROWS = 1 << 16
# What the kernels write into: the first `filled` rows.
BOOK = np.dtype([("filled", "i8"), ("rows", ROW, (BOOK_ROWS,))])
