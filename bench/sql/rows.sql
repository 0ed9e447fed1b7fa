-- Training rows in DuckDB. Before it runs, duckdb_features.py has made
--   archive                               view over the Parquet files
--   cuts(cut, cut_day, close_offset)      the wanted day closes, numbered from 0
--   calendar(day, business_day)           the next day on which the bank works
--   seen_cut(position), first_cut(day), local_us(instant)   macros: chains of comparisons against constants
-- Days are days since 1970; `seen` is the first cut that an event was received before.

CREATE TEMP MACRO day_number(date) AS (date - DATE '1970-01-01')::INTEGER;
CREATE TEMP MACRO date_of(number) AS DATE '1970-01-01' + number;

-- Second and later arrivals of an event.
CREATE TEMP TABLE again AS
WITH repeated AS (
    SELECT customer_key, event_key
    FROM archive
    GROUP BY ALL
    HAVING count(*) > 1
)
SELECT "offset"
FROM archive SEMI JOIN repeated USING (customer_key, event_key)
WHERE kind IN ('transaction', 'outcome')
QUALIFY row_number() OVER (PARTITION BY customer_key, event_key ORDER BY "offset") > 1;

-- One row a transaction, classified as features/measures.py does it; what the last cut has not seen is left out.
CREATE TEMP TABLE movements AS
WITH local AS (
    SELECT
        customer_key AS customer, account_key AS account, event_key, "offset",
        seen_cut("offset") AS seen, local_us(booked_at) AS booked, sequence,
        balance_after_minor AS balance, account_kind, category, channel, failure_reason,
        reverses IS NOT NULL AS reversal,
        (direction = 'debit') <> (reverses IS NOT NULL) AS debit,
        status = 'booked' AS moved,
        account_kind IN ('current', 'savings') AS liquid,
        moved AND account_kind <> 'loan' AND category <> 'own_transfer' AS flow,
        CASE WHEN reversal THEN -amount_minor ELSE amount_minor END::DOUBLE AS amount
    FROM archive ANTI JOIN again USING ("offset")
    WHERE kind = 'transaction' AND "offset" < (SELECT max(close_offset) FROM cuts)
),
flags AS (
    SELECT
        *,
        (booked // 86400000000)::INTEGER AS day,
        booked % 86400000000 // 1000 AS millisecond,
        flow AND debit AS spent,
        flow AND NOT debit AND account_kind <> 'card' AND category <> 'refund' AS came_in,
        spent AND (category = 'cash' OR channel = 'atm') AS cash_out,
        flow AND NOT reversal AND category NOT IN ('interest', 'fee', 'overdraft_interest') AS own
    FROM local
)
SELECT
    customer, account, seen, day, first_cut(day) AS due_cut,
    CASE WHEN liquid THEN balance END AS balance,
    (millisecond << 36) | sequence AS balance_order,
    amount,
    came_in AND category <> 'lending' AS income,
    came_in AND category IN ('salary', 'pension', 'benefit') AS salary,
    came_in AND category = 'lending' AS lending,
    spent AS spending,
    spent AND category IN (
        'rent', 'mortgage', 'loan_repayment', 'card_repayment', 'utilities', 'insurance', 'tax', 'groceries',
        'health', 'transport', 'childcare', 'household') AS essential,
    spent AND category IN ('dining', 'entertainment', 'shopping', 'travel', 'subscription') AS discretionary,
    spent AND category = 'gambling' AS gambling,
    cash_out AS cash,
    moved AND category = 'own_transfer' AND account_kind = 'savings' AND debit AS savings_out,
    own AS transactions,
    own AND (millisecond < 5 * 3600000 OR millisecond >= 23 * 3600000) AS nights,
    cash_out AND NOT reversal AS withdrawals,
    NOT moved AND debit AND NOT reversal
        AND coalesce(failure_reason, '') IN ('', 'insufficient_funds', 'limit_reached') AS failed
FROM flags;

-- The ledger as a cut knew it differs from the final one only for a customer of whom something came late across
-- that cut. Those few pairs get a view of their own (view = cut); all others share the final one (view = -1).
CREATE TEMP TABLE late AS
SELECT DISTINCT customer, unnest(range(due_cut::BIGINT, seen::BIGINT))::INTEGER AS cut
FROM movements
WHERE seen > due_cut;

CREATE TEMP VIEW viewed AS
SELECT -1 AS view, * EXCLUDE (seen, due_cut) FROM movements
UNION ALL
SELECT late.cut AS view, movements.* EXCLUDE (seen, due_cut)
FROM movements JOIN late USING (customer)
WHERE seen <= late.cut AND due_cut <= late.cut;

CREATE TEMP TABLE day_cuts AS
SELECT cut_day - age AS day, cut, age FROM cuts, (SELECT unnest(range(120))::INTEGER AS age);

-- Windows of all cuts begin and end on a few days only. Between two of them, a pane, days need not be told apart.
CREATE TEMP TABLE day_panes AS
WITH edges AS (
    SELECT DISTINCT cut_day - age AS edge FROM cuts, (SELECT unnest([-1, 13, 29, 89, 119])::INTEGER AS age)
),
days AS (SELECT unnest(range(min(cut_day) - 120, max(cut_day) + 1))::INTEGER AS day FROM cuts)
SELECT day, (SELECT count(*) FROM edges WHERE edge <= day)::INTEGER AS pane FROM days;

CREATE TEMP TABLE pane_cuts AS
SELECT pane, cut, min(age) AS age FROM day_cuts JOIN day_panes USING (day) GROUP BY pane, cut;

-- Every customer known at a cut, how many days it has been known for, and its view.
CREATE TEMP TABLE spine AS
WITH firsts AS (
    SELECT customer, seen, min(day) AS day FROM movements GROUP BY ALL
    UNION ALL
    SELECT
        customer_key, seen_cut("offset") AS seen,
        min(CASE WHEN kind = 'outcome' THEN day_number(day) ELSE local_us(booked_at) // 86400000000 END)
    FROM archive
    WHERE kind IN ('outcome', 'customer') AND "offset" < (SELECT max(close_offset) FROM cuts)
    GROUP BY ALL
)
SELECT
    customer, cut, cut_day,
    coalesce(any_value(late.cut), -1) AS view,
    greatest(cut_day - min(day) + 1, 0)::DOUBLE AS history
FROM firsts JOIN cuts ON seen <= cut LEFT JOIN late USING (customer, cut)
GROUP BY customer, cut, cut_day;

-- What single days must be told apart for.
CREATE TEMP TABLE day_flows AS
SELECT
    customer, view, day,
    coalesce(sum(amount) FILTER (income), 0) AS income,
    coalesce(sum(amount) FILTER (salary), 0) AS salary,
    coalesce(sum(amount) FILTER (spending), 0) AS spending,
    coalesce(sum(amount) FILTER (cash), 0) AS cash,
    count(*) FILTER (transactions) AS transactions
FROM viewed
GROUP BY customer, view, day;

-- What the windows of each cut hold; "base" is the 90 days before the last 30.
CREATE TEMP TABLE cut_flows AS
WITH pane_flows AS (
    SELECT
        customer, view, pane,
        sum(amount) FILTER (income) AS income,
        sum(amount) FILTER (salary) AS salary,
        sum(amount) FILTER (lending) AS lending,
        sum(amount) FILTER (spending) AS spending,
        sum(amount) FILTER (essential) AS essential,
        sum(amount) FILTER (discretionary) AS discretionary,
        sum(amount) FILTER (gambling) AS gambling,
        sum(amount) FILTER (cash) AS cash,
        sum(amount) FILTER (savings_out) AS savings_out,
        count(*) FILTER (transactions) AS transactions,
        count(*) FILTER (nights) AS nights,
        count(*) FILTER (withdrawals) AS withdrawals,
        count(*) FILTER (failed) AS failed
    FROM viewed JOIN day_panes USING (day)
    GROUP BY customer, view, pane
),
pane_days AS (
    SELECT
        customer, view, pane, max(cash) AS highest_cash,
        count(*) FILTER (cash <> 0) AS cash_days, count(*) FILTER (transactions <> 0) AS active_days
    FROM day_flows JOIN day_panes USING (day)
    GROUP BY customer, view, pane
)
SELECT
    customer, view, cut,
    sum(spending) AS spending_120, sum(salary) AS salary_120, sum(income) AS income_120,
    sum(income) FILTER (age < 90) AS income_90,
    sum(spending) FILTER (age < 14) AS spending_14,
    sum(withdrawals) FILTER (age < 14) AS withdrawals_14,
    sum(transactions) FILTER (age < 14) AS transactions_14,
    sum(active_days) FILTER (age < 14) AS active_14,
    sum(income) FILTER (age < 30) AS income_30,
    sum(lending) FILTER (age < 30) AS lending_30,
    sum(spending) FILTER (age < 30) AS spending_30,
    sum(essential) FILTER (age < 30) AS essential_30,
    sum(discretionary) FILTER (age < 30) AS discretionary_30,
    sum(gambling) FILTER (age < 30) AS gambling_30,
    sum(cash) FILTER (age < 30) AS cash_30,
    max(highest_cash) FILTER (age < 30) AS highest_cash_30,
    sum(savings_out) FILTER (age < 30) AS savings_out_30,
    sum(transactions) FILTER (age < 30) AS transactions_30,
    sum(nights) FILTER (age < 30) AS nights_30,
    sum(failed) FILTER (age < 30) AS failed_30,
    sum(income) FILTER (age >= 30) AS income_base,
    sum(spending) FILTER (age >= 30) AS spending_base,
    sum(discretionary) FILTER (age >= 30) AS discretionary_base,
    sum(cash) FILTER (age >= 30) AS cash_base,
    sum(cash_days) FILTER (age >= 30) AS cash_days_base,
    sum(savings_out) FILTER (age >= 30) AS savings_out_base,
    sum(transactions) FILTER (age >= 30) AS transactions_base,
    sum(nights) FILTER (age >= 30) AS nights_base,
    sum(withdrawals) FILTER (age >= 30) AS withdrawals_base,
    sum(failed) FILTER (age >= 30) AS failed_base
FROM pane_flows JOIN pane_days USING (customer, view, pane) JOIN pane_cuts USING (pane)
WHERE view IN (-1, cut)
GROUP BY customer, view, cut;

-- Weekly spending: n^2 times its variance, in integers, over the last 4 weeks and over the 12 before.
CREATE TEMP TABLE cut_weeks AS
WITH weeks AS (
    SELECT customer, view, cut, age // 7 AS week, sum(spending)::BIGINT AS spending
    FROM day_flows JOIN day_cuts USING (day)
    WHERE view IN (-1, cut) AND age < 112 AND spending <> 0
    GROUP BY ALL
)
SELECT
    customer, view, cut,
    4 * sum(spending * spending) FILTER (week < 4)
        - sum(spending) FILTER (week < 4) * sum(spending) FILTER (week < 4) AS recent_spread,
    12 * sum(spending * spending) FILTER (week >= 4)
        - sum(spending) FILTER (week >= 4) * sum(spending) FILTER (week >= 4) AS base_spread
FROM weeks
GROUP BY customer, view, cut;

-- Liquid money by customer and day on which it moved: at the day's end, at its lowest, and until when it stood.
CREATE TEMP TABLE day_balances AS
WITH account_days AS (
    SELECT customer, view, account, day, arg_max(balance, balance_order) AS last, min(balance) AS low
    FROM viewed
    WHERE balance IS NOT NULL
    GROUP BY ALL
),
steps AS (
    SELECT customer, view, day, last, low, lag(last, 1, 0) OVER (
        PARTITION BY customer, view, account ORDER BY day
    ) AS before
    FROM account_days
),
days AS (
    SELECT customer, view, day, sum(last - before)::DOUBLE AS moved, sum(low - before)::DOUBLE AS dipped
    FROM steps
    GROUP BY ALL
)
SELECT
    customer, view, day, moved,
    sum(moved) OVER life AS closing,
    closing - moved + dipped AS low,
    lead(day) OVER life AS next_day
FROM days
WINDOW life AS (PARTITION BY customer, view ORDER BY day);

-- At each cut: the balance of 30 days before, what the 30 days since made of it, and the lowest by panes.
CREATE TEMP TABLE cut_balances AS
WITH bounds AS (SELECT count(*) AS cuts, max(cut_day) AS last, min(cut_day) - 120 AS first FROM cuts),
carried AS (
    SELECT customer, view, closing AS closing_30_ago, unnest(range(from_cut, to_cut))::INTEGER AS cut
    FROM (
        SELECT
            customer, view, closing, first_cut(day + 30)::BIGINT AS from_cut,
            coalesce(first_cut(next_day + 30), cuts)::BIGINT AS to_cut
        FROM day_balances, bounds
    )
    WHERE from_cut < to_cut
),
buffers AS (
    SELECT customer, view, cut, cut_day, 7.0 * (spending_120 / least(history, 120)) AS buffer
    FROM spine LEFT JOIN cut_flows USING (customer, view, cut)
),
recent AS (
    SELECT
        customer, view, cut, sum(moved) AS moved, max(age) AS oldest,
        sum(moved * ((age + 1) * (29 - age))) AS weighted,
        sum((low < buffer)::INTEGER
            + CASE WHEN closing < buffer THEN age - greatest(cut_day - next_day + 1, 0) ELSE 0 END) AS below
    FROM (
        SELECT * REPLACE (coalesce(next_day, last + 1) AS next_day) FROM day_balances, bounds
    ) JOIN day_cuts USING (day) JOIN buffers USING (customer, view, cut)
    WHERE age < 30
    GROUP BY customer, view, cut
),
lows AS (
    SELECT customer, view, pane, low FROM day_balances JOIN day_panes USING (day)
    UNION ALL
    SELECT customer, view, unnest(range(since.pane, until.pane + 1))::INTEGER AS pane, closing
    FROM day_balances, bounds, day_panes AS since, day_panes AS until
    WHERE day_balances.day + 1 < coalesce(next_day, last + 1)
        AND since.day = greatest(day_balances.day + 1, first)
        AND until.day = least(coalesce(next_day - 1, last), last)
),
lowest AS (
    SELECT
        customer, view, cut, min(low) FILTER (age < 14) AS lowest_fortnight,
        min(low) FILTER (age < 90) AS lowest_quarter
    FROM (SELECT customer, view, pane, min(low) AS low FROM lows GROUP BY ALL) JOIN pane_cuts USING (pane)
    WHERE view IN (-1, cut)
    GROUP BY customer, view, cut
)
SELECT
    customer, view, cut, closing_30_ago, lowest_fortnight, lowest_quarter,
    CASE WHEN closing_30_ago IS NULL THEN moved ELSE closing_30_ago + coalesce(moved, 0) END AS closing,
    CASE WHEN closing_30_ago IS NOT NULL OR oldest = 29 THEN coalesce(weighted, 0) END AS weighted,
    coalesce(below, 0) + CASE WHEN closing_30_ago < buffer THEN 29 - coalesce(oldest, -1) ELSE 0 END AS below_buffer
FROM buffers
    LEFT JOIN carried USING (customer, view, cut)
    LEFT JOIN recent USING (customer, view, cut)
    LEFT JOIN lowest USING (customer, view, cut);

-- Scheduled payments, each on the day on which it was due, as far as the cut had heard of them.
CREATE TEMP TABLE cut_payments AS
WITH outcomes AS (
    SELECT
        customer_key AS customer, seen_cut("offset") AS seen, day_number(day) AS due,
        CASE outcome_status WHEN 'paid' THEN 1 WHEN 'missed' THEN 1 WHEN 'waived' THEN -1 ELSE 0 END AS payments,
        CASE outcome_status WHEN 'missed' THEN 1 WHEN 'cured' THEN -1 WHEN 'waived' THEN -1 ELSE 0 END AS unpaid,
        CASE WHEN outcome_status IN ('paid', 'cured') AND paid_on > archive.day
            THEN least(paid_on - archive.day, 32767) ELSE 0 END AS days_late
    FROM archive ANTI JOIN again USING ("offset")
    WHERE kind = 'outcome' AND "offset" < (SELECT max(close_offset) FROM cuts)
)
SELECT
    customer, cut, sum(payments) AS payments, sum(unpaid) AS unpaid,
    count(*) FILTER (days_late > 0) AS late_payments, sum(days_late) AS days_late, sum(unpaid * age) AS unpaid_age
FROM outcomes JOIN day_cuts ON due = day_cuts.day
WHERE age < 90 AND seen <= cut
GROUP BY customer, cut;

-- What falls due by the newest update that each cut knew; a schedule that many share is worked out once.
CREATE TEMP TABLE cut_dues AS
WITH updates AS (
    SELECT
        customer_key AS customer, "offset", payload,
        greatest(seen_cut("offset"), first_cut(local_us(booked_at) // 86400000000)) AS from_cut,
        (epoch_us(booked_at) // 1000, event_key >> 43) AS update_order
    FROM archive
    WHERE kind = 'customer' AND "offset" < (SELECT max(close_offset) FROM cuts)
),
newest AS (
    SELECT customer, cut, cut_day, arg_max("offset", update_order) AS "offset"
    FROM updates JOIN cuts ON from_cut <= cut
    GROUP BY ALL
),
owed AS (
    SELECT
        "offset", day_number(o.due_on) AS due, day_number(o.ends_on) AS ends,
        coalesce(o.frequency, 'monthly') AS frequency, o.amount_minor AS amount
    FROM (
        SELECT "offset", unnest(from_json(payload, '{"obligations": [{
            "due_on": "DATE", "ends_on": "DATE", "frequency": "VARCHAR", "amount_minor": "BIGINT"}]}').obligations) AS o
        FROM updates
    )
),
nominal AS (
    SELECT
        frequency, due, ends, cut, cut_day,
        CASE frequency
            WHEN 'monthly' THEN day_number(least(month_start + dom - 1, last_day(month_start)))
            WHEN 'weekly' THEN due + 7 * (greatest(0, floor((cut_day - 7 - due) / 7))::INTEGER + ahead + 1)
            ELSE due
        END::INTEGER AS falls
    FROM (
        SELECT
            *, date_part('day', date_of(due))::INTEGER AS dom,
            (date_trunc('month', date_of(cut_day)) + to_months(ahead))::DATE AS month_start
        FROM (SELECT DISTINCT frequency, due, ends FROM owed), cuts, (SELECT unnest(range(-1, 3))::INTEGER AS ahead)
    )
    WHERE frequency = 'weekly' OR ahead < CASE frequency WHEN 'monthly' THEN 2 ELSE 0 END
),
times AS (
    SELECT frequency, due, coalesce(ends, -1) AS ends, cut, count(*) AS times
    FROM nominal JOIN calendar ON falls = calendar.day
    WHERE (frequency = 'once' OR (due <= falls AND falls <= coalesce(ends, falls)))
        AND business_day > cut_day AND business_day <= cut_day + 14
    GROUP BY ALL
)
SELECT
    newest.customer, newest.cut,
    coalesce(sum(amount * times), 0) AS due_next,
    coalesce(sum(CASE owed.frequency WHEN 'monthly' THEN amount WHEN 'weekly' THEN amount * 13 // 3 END) FILTER (
        owed.due <= cut_day + 31 AND coalesce(owed.ends > cut_day, true)), 0) AS due_month
FROM newest
    LEFT JOIN owed ON newest."offset" = owed."offset"
    LEFT JOIN times ON owed.frequency = times.frequency AND owed.due = times.due
        AND coalesce(owed.ends, -1) = times.ends AND newest.cut = times.cut
GROUP BY newest.customer, newest.cut;

-- The regular income of 120 days: features/income_pattern.py states the rule.
CREATE TEMP TABLE cut_pay AS
WITH paid AS (
    SELECT customer, view, cut, day, CASE WHEN salary_120 > 0 THEN salary ELSE income END AS pay
    FROM (SELECT customer, view, day, income, salary FROM day_flows WHERE income > 0 OR salary > 0)
        JOIN day_cuts USING (day)
        JOIN (SELECT customer, view, cut, salary_120 FROM cut_flows SEMI JOIN spine USING (customer, view, cut))
            USING (customer, view, cut)
    WHERE pay > 0
),
pays AS (
    SELECT * FROM paid JOIN (
        SELECT customer, view, cut, max(pay, 3)[3] AS third FROM paid GROUP BY ALL
    ) USING (customer, view, cut)
    WHERE 2 * pay >= third
),
starts AS (
    SELECT *, day - lag(day, 1, -1000) OVER (PARTITION BY customer, view, cut ORDER BY day) > 3 AS starts
    FROM pays
),
places AS (
    SELECT *, sum(starts::INTEGER) OVER (PARTITION BY customer, view, cut ORDER BY day) AS place
    FROM starts
),
pay_days AS (
    SELECT customer, view, cut, min(day) AS day, sum(pay) AS pay
    FROM places
    GROUP BY customer, view, cut, place
),
lists AS (
    SELECT
        customer, view, cut, count(*)::INTEGER AS n, list(day ORDER BY day) AS days, list(pay ORDER BY day) AS pays
    FROM pay_days
    GROUP BY customer, view, cut
    HAVING n >= 3
),
gaps AS (
    SELECT
        *, list_transform(range(1, n), lambda place: days[place + 1] - days[place]) AS gaps,
        list_sort(gaps)[(n - 1) // 2 + 1] AS usual_gap
    FROM lists
),
regular AS (
    SELECT *, CASE
        WHEN usual_gap BETWEEN 26 AND 35 THEN list_sort(list_transform(range(0, least(n, 4)), lambda back:
            day_number((date_of(days[n - back]) + to_months((back + 1)::INTEGER))::DATE)
        ))[least(n, 4) // 2 + 1]
        ELSE days[n] + usual_gap END AS expected
    FROM gaps
    WHERE usual_gap >= 5
        AND 3 * len(list_filter(gaps, lambda gap: 4 * abs(gap - usual_gap) <= greatest(usual_gap, 8))) >= 2 * (n - 1)
)
SELECT
    customer, view, cut,
    greatest(cut_day - business_day, 0) AS delay,
    pays[n] AS last_pay,
    list_sort(pays[1 : n - 1])[(n - 1) // 2 + 1] AS usual_pay,
    list_sum(pays) AS regular_pay
FROM regular JOIN calendar ON expected = calendar.day JOIN cuts USING (cut);

CREATE TEMP MACRO ratio(part, whole) AS CASE WHEN whole > 0 THEN part / whole END;
CREATE TEMP MACRO a_day(total, known, days) AS CASE WHEN 2 * known >= days THEN total / known END;

-- A window without an event is a sum of 0; what is NULL after this is not known.
CREATE TEMP TABLE wide AS
WITH filled AS (
    SELECT
        customer, cut_day, history,
        coalesce(COLUMNS('^(.*_(?:14|30|90|120|base))$'), 0)::DOUBLE AS '\1',
        coalesce(COLUMNS('^(payments|unpaid|late_payments|days_late|unpaid_age)$'), 0)::DOUBLE AS '\1',
        COLUMNS('^(closing|closing_30_ago|weighted|lowest.*|below_buffer|delay|.*_pay|due_month|due_next|.*_spread)$')
    FROM spine
        LEFT JOIN cut_flows USING (customer, view, cut)
        LEFT JOIN cut_weeks USING (customer, view, cut)
        LEFT JOIN cut_balances USING (customer, view, cut)
        LEFT JOIN cut_pay USING (customer, view, cut)
        LEFT JOIN cut_payments USING (customer, cut)
        LEFT JOIN cut_dues USING (customer, cut)
)
SELECT
    *, least(history, 14) AS known_14, least(history, 30) AS known_30,
    greatest(least(history - 30, 90), 0) AS known_base,
    a_day(spending_120, least(history, 120), 120) AS spending_a_day,
    a_day(spending_base, known_base, 90) AS base_spending_a_day,
    least(last_pay, usual_pay) AS pay,
    CASE WHEN delay < 3 AND income_90 >= 1.5 * pay AND income_30 < 0.5 * pay THEN pay ELSE 0 END AS pay_of_month,
    CASE WHEN delay < 3 AND income_90 >= 1.5 * pay AND income_90 < 2.5 * pay THEN pay ELSE 0 END AS pay_of_quarter,
    30 * a_day(income_90, least(history, 90), 90) + pay_of_quarter / 3 AS usual_income
FROM filled;

CREATE TEMP TABLE rows AS
SELECT
    customer, cut_day,
    delay AS salary_delay_days,
    ratio(last_pay, usual_pay) - 1 AS salary_amount_change_ratio,
    regular_pay / greatest(CASE WHEN salary_120 > 0 THEN salary_120 ELSE income_120 END, 1) AS income_regularity,
    ratio(closing - closing_30_ago, 30 * spending_a_day) AS balance_change_ratio_30d,
    ratio(2 * weighted / 8990, spending_a_day) AS balance_slope_30d,
    ratio(lowest_fortnight, spending_a_day) AS lowest_balance_ratio_14d,
    ratio(lowest_quarter, spending_a_day) AS lowest_balance_ratio_90d,
    CASE WHEN spending_a_day > 0 AND closing IS NOT NULL THEN below_buffer END AS days_below_buffer_30d,
    ratio(savings_out_30 - 30 * a_day(savings_out_base, known_base, 90), 30 * spending_a_day)
        AS savings_withdrawal_change_ratio,
    ratio(a_day(spending_14, known_14, 14), base_spending_a_day) - 1 AS spending_change_ratio_14d,
    ratio(discretionary_30, spending_30) - ratio(discretionary_base, spending_base) AS discretionary_share_change,
    ratio(essential_30, spending_30) AS essential_share_30d,
    ratio(spending_30, usual_income) AS spending_to_income_30d,
    CASE WHEN history >= 75 THEN ratio(sqrt(coalesce(recent_spread, 0) / 16), sqrt(coalesce(base_spread, 0) / 144)) END
        AS spending_volatility_ratio,
    ratio(gambling_30, spending_30) AS gambling_share_30d,
    ratio(lending_30, usual_income) AS lending_app_inflow_ratio_30d,
    failed_30 AS failed_debits_30d,
    failed_30 - 30 * a_day(failed_base, known_base, 90) AS failed_debit_change,
    late_payments + unpaid AS late_payments_90d,
    ratio(days_late + unpaid_age, payments) AS average_lateness_days_90d,
    ratio(due_next, due_next + CASE WHEN closing IS NOT NULL THEN greatest(closing, 0) END)
        AS obligations_due_to_balance_14d,
    ratio(due_month, usual_income) AS obligations_to_income_30d,
    ratio(cash_30, spending_30) - ratio(cash_base, spending_base) AS cash_share_change,
    ratio(a_day(withdrawals_14, known_14, 14), a_day(withdrawals_base, known_base, 90)) - 1
        AS cash_withdrawals_change_ratio_14d,
    ratio(greatest(highest_cash_30, 0), ratio(cash_base, cash_days_base)) AS largest_cash_withdrawal_ratio_30d,
    ratio(a_day(transactions_14, known_14, 14), a_day(transactions_base, known_base, 90)) - 1
        AS transactions_change_ratio_14d,
    ratio(nights_30, transactions_30) - ratio(nights_base, transactions_base) AS night_share_change,
    CASE WHEN history >= 14 THEN 14 - active_14 END AS inactive_days_14d,
    ratio(income_30 + pay_of_month - spending_30, usual_income) AS net_flow_30d_to_income,
    ratio(closing, spending_a_day) AS days_of_cover,
    ratio(
        a_day(spending_30, known_30, 30) - (a_day(income_30, known_30, 30) + pay_of_month / 30)
            - (base_spending_a_day - a_day(income_base, known_base, 90)),
        spending_a_day
    ) AS stress_acceleration
FROM wide;
