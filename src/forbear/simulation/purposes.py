"""What each random number is for. Two purposes never share a number; a new purpose goes at the end of its list."""

from __future__ import annotations

# Traits: drawn once for each customer, at step 0.
(
    PENSION,
    INCOME,
    PAY_RHYTHM,
    PAY_DAY,
    PAY_WEEKDAY,
    CHILDREN,
    HOUSING,
    HAS_SAVINGS,
    BUFFER,
    THIN,
    THRIFT,
    FRUGALITY,
    PRUDENCE,
    RESPONSE,
    ATTENTION,
    HAS_OVERDRAFT,
    OVERDRAFT,
    ACTIVITY,
    CASH_TASTE,
    NIGHT,
    GAMBLER,
    BORROWER,
    SUBSCRIPTIONS,
    SUBSCRIPTION_DAY,
    OPENING,
    REGION,
    RATE_RISE,
    RATE_RISE_SIZE,
    RATE_RISE_MONTH,
) = range(29)
# Traits of an obligation and of a consent: a place each for the (up to eight) obligations and consents.
DUTY_HELD, DUTY_SHARE, DUTY_DAY, DUTY_MONTHS, CONSENT = range(100, 140, 8)

# Days: drawn for each customer and day.
(
    PAY_NOISE,
    PAY_DELAY,
    JOB_LOSS,
    JOB_LOSS_LENGTH,
    JOB_LOSS_BENEFIT,
    NEW_JOB,
    PAY_CUT,
    PAY_CUT_SIZE,
    PAY_CUT_LENGTH,
    LATE_PAYER,
    LATE_PAYER_LENGTH,
    EXPENSE,
    EXPENSE_SIZE,
    EXPENSE_PARTS,
    EXPENSE_GAP,
    ILLNESS,
    SPREE,
    SPREE_SIZE,
    SPREE_LENGTH,
    GAMBLING,
    GAMBLING_LENGTH,
    MINDS_SAVINGS,
    MINDS_ARREARS,
    BORROWS,
    BORROWED_AMOUNT,
    TOPS_UP,
    MOVING_SECOND,
) = range(200, 227)
# Purchases of a day: a place each for the (up to sixteen) habits.
BUYS, BUYS_AMOUNT, BUYS_SECOND, BUYS_AT_NIGHT, BUYS_MERCHANT, TAKEN_BACK, TAKEN_BACK_DELAY = range(300, 412, 16)

# Rows: drawn for each customer and row number.
DELIVERY, IS_LATE, LATE_DAYS, IS_DUPLICATE, DUPLICATE_DELAY = range(500, 505)

# Help: the class of response (a trait), whether an offer is taken up (a day), and the arm of a trial (a day, and with
# keys of the trial's own); a place each for the (up to sixteen) kinds of help.
HELP_RESPONSE, HELP_TAKEN_UP, TRIAL_ARM = range(600, 648, 16)
