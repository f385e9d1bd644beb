"""One pass over 1,000,000 contacts and 20 rules, and what other points cost after it.

Beside it, what one would write without a workbench: a loop of `DataFrame.eval`, run again for every change.

    python bench/first_pass.py [--contacts 1000000] [--large 10000000] [--times 5]

Points are changed at `--large` contacts too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from _timing import options, seconds

from workbench.scoring import CodeTally, Rule, RuleGroup, ScoreModel, score, tally_codes

BLANK = 0.15
CONDITIONS = [
    'industry == "Software"',
    'industry in ["Finance", "Retail"]',
    'country == "Germany"',
    'country in ["Austria", "Switzerland"]',
    'lifecyclestage != "subscriber"',
    'contains(jobtitle, "head")',
    'source == "REFERRALS"',
    "numemployees > 50",
    "50 < numemployees <= 200",
    "numemployees < 5",
    "annualrevenue >= 1000000",
    "visits >= 3",
    "visits >= 10",
    "emails_opened >= 5",
    "emails_clicked >= 1 and visits >= 2",
    "form_submissions >= 1",
    "opted_out == true",
    'createdate >= "2026-01-01"',
    "in_last_days(last_activity, 30)",
    'is_known(phone) and not country == "Germany"',
]
BY_HAND = [
    "industry == 'Software'",
    "industry in ['Finance', 'Retail']",
    "country == 'Germany'",
    "country in ['Austria', 'Switzerland']",
    "lifecyclestage == lifecyclestage and lifecyclestage != 'subscriber'",
    "jobtitle.str.lower().str.contains('head', regex=False)",
    "source == 'REFERRALS'",
    "numemployees > 50",
    "50 < numemployees <= 200",
    "numemployees < 5",
    "annualrevenue >= 1000000",
    "visits >= 3",
    "visits >= 10",
    "emails_opened >= 5",
    "emails_clicked >= 1 and visits >= 2",
    "form_submissions >= 1",
    "opted_out == True",
    "createdate >= '2026-01-01'",
    "last_activity >= '2026-06-01' and last_activity < '2026-07-01'",
    "phone == phone and country == country and country != 'Germany'",
]
AS_OF = "2026-06-30"


def contacts(n: int, seed: int = 1) -> pd.DataFrame:
    """Contacts with 15 % blanks in every property; whether one was won hangs on some of them."""
    draw = np.random.default_rng(seed)

    def blanks(values: np.ndarray[Any, Any], kind: pa.DataType) -> pd.Series[Any]:
        column = pa.array(values, type=kind, mask=draw.random(n) < BLANK)
        mapper = {pa.bool_(): pd.BooleanDtype()}.get
        return pa.table({"x": column}).to_pandas(types_mapper=mapper)["x"]

    def text(*options: str) -> pd.Series[Any]:
        chosen = pa.array(options).take(pa.array(draw.integers(0, len(options), n)))
        return blanks(chosen.to_numpy(zero_copy_only=False), pa.string())

    def times(days: int) -> pd.Series[Any]:
        start = np.datetime64("2026-07-01", "us")
        return blanks(start - draw.integers(1, days * 86_400, n).astype("timedelta64[s]"), pa.timestamp("us"))

    def numbers(mean: float) -> pd.Series[Any]:
        return blanks(np.floor(draw.exponential(mean, n)), pa.float64())

    frame = pd.DataFrame(
        {
            "hs_object_id": pa.array(np.arange(n)).cast(pa.string()).to_pandas(),
            "industry": text("Software", "Finance", "Retail", "Education", "Manufacturing", "Consulting"),
            "country": text("Germany", "Austria", "Switzerland", "France", "United Kingdom"),
            "lifecyclestage": text("subscriber", "lead", "marketingqualifiedlead", "opportunity"),
            "jobtitle": text("Head of Sales", "Clerk", "CEO", "Developer", "Head of Marketing", "Student"),
            "source": text("REFERRALS", "ORGANIC_SEARCH", "PAID_SEARCH", "OFFLINE"),
            "phone": text("+49 30 1", "+43 1 2"),
            "numemployees": numbers(80),
            "annualrevenue": numbers(2e6),
            "visits": numbers(4),
            "emails_opened": numbers(3),
            "emails_clicked": numbers(1),
            "form_submissions": numbers(0.7),
            "opted_out": blanks(draw.random(n) < 0.1, pa.bool_()),
            "createdate": times(500),
            "last_activity": times(200),
        }
    )
    frame["won"] = draw.random(n) < np.where(frame["industry"] == "Software", 0.12, 0.04)
    return frame


def model() -> ScoreModel:
    """20 rules in two groups with limits."""
    rules = [
        Rule(name=f"Rule {position}", when=text, points=(position % 5 + 1) * 5 * (-1 if position == 16 else 1))
        for position, text in enumerate(CONDITIONS)
    ]
    groups = (
        RuleGroup(name="fit", rules=tuple(rules[:10]), minimum=-30, maximum=50),
        RuleGroup(name="engagement", rules=tuple(rules[10:]), minimum=-20, maximum=70),
    )
    return ScoreModel(name="Bench", groups=groups, minimum=0, maximum=100)


def by_eval(frame: pd.DataFrame, rated: ScoreModel) -> np.ndarray[Any, Any]:
    """The same score by a loop of `DataFrame.eval`."""
    total = np.zeros(len(frame))
    position = 0
    for group in rated.groups:
        points = np.zeros(len(frame))
        for rule in group.rules:
            found = frame.eval(BY_HAND[position], engine="python")
            points += np.asarray(found.fillna(False), dtype=float) * rule.points
            position += 1
        total += np.clip(points, group.minimum, group.maximum)
    return np.clip(total, rated.minimum, rated.maximum)


def change_of_points(tally: CodeTally, rated: ScoreModel) -> Callable[[], object]:
    """What a slider does: other points for one rule, the score of every cell."""
    values = iter(range(1, 10_000))

    def change() -> object:
        return tally.scores(rated.with_points({"Rule 3": next(values)}))[tally.pattern]

    return change


def first_passes(n: int, times: int) -> None:
    """Print the medians for `n` contacts."""
    frame, rated = contacts(n), model()
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    database = duckdb.connect()
    database.register("rows", rows)
    database.execute("CREATE TABLE contacts AS FROM rows")
    tables = {"pandas": frame, "DuckDB": database.table("contacts"), "Polars": pl.from_arrow(rows)}
    keys = {"won": nw.col("won")}

    assert (score(frame, rated, as_of=AS_OF)["score"].to_numpy() == by_eval(frame, rated)).all()
    loop = seconds(lambda: by_eval(frame, rated), times)
    print(f"\n{n:,} contacts, 20 rules, {BLANK:.0%} blanks; medians of {times}")
    print(f"  a loop of DataFrame.eval            {loop:8.3f} s, for every change of points")
    for name, table in tables.items():
        pass_ = seconds(lambda table=table: tally_codes(table, rated, keys=keys, as_of=AS_OF), times)
        print(f"  first pass, {name:<24}{pass_:8.3f} s  ({pass_ / loop:.2f} of the loop)")
    tally = tally_codes(frame, rated, keys=keys, as_of=AS_OF)
    change = seconds(change_of_points(tally, rated), 20)
    print(
        f"  other points, {len(tally.codes):>7,} patterns {change * 1000:15.2f} ms (1/{loop / change:,.0f} of the loop)"
    )


def main() -> None:
    """Print all figures."""
    size = options(__doc__, contacts=1_000_000, large=10_000_000, times=5).parse_args()
    first_passes(size.contacts, size.times)
    rated = model()
    tally = tally_codes(contacts(size.large), rated, keys={"won": nw.col("won")}, as_of=AS_OF)
    change = seconds(change_of_points(tally, rated), 20)
    print(f"\n{size.large:,} contacts: other points, {len(tally.codes):,} patterns {change * 1000:.2f} ms")


if __name__ == "__main__":
    main()
