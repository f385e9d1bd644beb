"""The invented company: the same bytes each time, the faults that were put in, the truth it was drawn from."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench import catalog
from workbench.errors import WorkbenchError
from workbench.loaders import load
from workbench.sample import AS_OF, Truth, true_chances, write_sample
from workbench.scoring import ScoreModel, score

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
README = (SAMPLE / "README.md").read_text(encoding="utf-8")
TRUTH = Truth()
AS_OF_DAY = pd.Timestamp(AS_OF)
CONTACTS = {
    "en": SAMPLE / f"hubspot-crm-exports-all-contacts-{AS_OF}.csv",
    "de": SAMPLE / "de" / f"hubspot-crm-exports-alle-kontakte-{AS_OF}.csv",
    "fr": SAMPLE / "fr" / f"hubspot-crm-exports-tous-les-contacts-{AS_OF}.csv",
}


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def export(folder: Path, name: str) -> pd.DataFrame:
    [path] = folder.glob(f"*{name}-{AS_OF}.csv")
    return table(path)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".csv", ".yaml"})
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample large enough to find the truth in."""
    folder = tmp_path_factory.mktemp("large")
    wanted = {"contacts", "activities", "companies", "deals", "tickets", "usage", "seats"}
    write_sample(folder, contacts=40_000, seed=7, only=wanted, languages=["en"])
    return folder


# -- the same each time


def test_the_committed_sample_is_what_is_written_today(tmp_path: Path) -> None:
    write_sample(tmp_path)
    assert digests(tmp_path) == digests(SAMPLE)


def test_one_seed_gives_the_same_bytes_twice_and_another_seed_gives_others(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        write_sample(tmp_path / name, contacts=300, seed=seed)
    assert digests(tmp_path / "one") == digests(tmp_path / "again")
    others = digests(tmp_path / "other")
    assert [name for name, digest in digests(tmp_path / "one").items() if others[name] == digest] == ["score.yaml"]


def test_a_table_is_the_same_whether_written_alone_or_with_the_others(tmp_path: Path) -> None:
    write_sample(tmp_path, only={"contacts", "usage"}, languages=["de"])
    assert digests(tmp_path).items() <= digests(SAMPLE).items()
    assert len(digests(tmp_path)) == 2


@pytest.mark.parametrize("contacts", [1, 2, 10])
def test_the_smallest_samples_have_all_files(tmp_path: Path, contacts: int) -> None:
    seen: dict[str, int] = {}
    files = write_sample(tmp_path, contacts=contacts, progress=lambda name, rows: seen.update({name: rows}))
    assert len(files) == len(digests(SAMPLE)) == len(seen) + 1
    assert seen[CONTACTS["en"].name] == contacts == len(table(tmp_path / CONTACTS["en"].name))


def test_the_sample_is_under_ten_megabytes() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 10_000_000


# -- the shape of an export


def test_files_are_comma_separated_with_crlf_and_only_the_german_one_has_a_mark() -> None:
    for path in SAMPLE.rglob("*.csv"):
        data = path.read_bytes()
        assert data.startswith(b"\xef\xbb\xbf") is (path == CONTACTS["de"]), path
        assert data.endswith(b"\r\n")
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.reader(lines))
        assert len({len(row) for row in rows}) == 1, path


def test_the_three_languages_say_the_same() -> None:
    english = table(CONTACTS["en"])
    for language in ("de", "fr"):
        other = table(CONTACTS[language])
        names = {}
        for known in catalog.properties("contact"):
            names.update(dict.fromkeys(known.labels[language], known.name))
        assert other.shape == english.shape
        for (label, said), (head, translated) in zip(english.items(), other.items(), strict=True):
            known = names.get(str(head))
            labels = {option.label("en"): option.label(language) for option in catalog.options(known or "")}
            assert said.map(lambda value, labels=labels: labels.get(value, value)).equals(translated), (label, head)
        assert list(other.columns) != list(english.columns)
    assert 'Date entered "Lead (Lifecycle Stage Pipeline)"' in english.columns
    assert b'"Date entered ""Lead (Lifecycle Stage Pipeline)"""' in CONTACTS["en"].read_bytes()
    assert len(english.columns) >= 28


def test_every_header_but_the_companys_own_is_in_the_catalog() -> None:
    unknown = set()
    for object_name, name in (
        ("contact", "all-contacts"),
        ("company", "all-companies"),
        ("deal", "all-deals"),
        ("ticket", "all-tickets"),
        ("activity", "activities"),
        ("feedback", "feedback-submissions"),
        ("usage", "usage"),
        ("seats", "seats"),
        ("spend", "spend"),
        ("property_history", "property-history"),
    ):
        labels = {label for known in catalog.properties(object_name) for label in known.labels["en"]}
        unknown |= set(export(SAMPLE, name).columns) - labels
    assert unknown == {"Interests", 'Date entered "Newsletter Reader (Lifecycle Stage Pipeline)"'}


def test_the_dictionary_explains_every_file_and_column() -> None:
    for path in SAMPLE.rglob("*.csv"):
        assert path.name in README
    for path in SAMPLE.glob("*.csv"):
        for column in table(path).columns:
            assert f"| {column} |" in README, (path.name, column)


def test_every_address_is_one_that_cannot_exist() -> None:
    for path in SAMPLE.rglob("*.csv"):
        for domain in re.findall(r"@([\w.-]+\.\w+)", path.read_text(encoding="utf-8")):
            assert domain.lower().endswith(".example"), domain


# -- the faults


def when(column: pd.Series) -> pd.Series:
    return pd.to_datetime(column.where(column != ""), format="%Y-%m-%d %H:%M")


def faults() -> dict[str, int]:
    contacts, deals = export(SAMPLE, "all-contacts"), export(SAMPLE, "all-deals")
    tickets, usage = export(SAMPLE, "all-tickets"), export(SAMPLE, "usage")
    activities, history = export(SAMPLE, "activities"), export(SAMPLE, "property-history")
    once = contacts.drop_duplicates("Record ID")
    created, customer = when(once["Create Date"]), when(once['Date entered "Customer (Lifecycle Stage Pipeline)"'])
    ticket = tickets.drop_duplicates("Ticket ID")
    closed = deals["Deal Stage"].isin(["Closed Won", "Closed Lost"])
    of_calls = activities[activities["Activity type"] == "Call"]
    call_created = of_calls["Contact ID"].map(dict(zip(once["Record ID"], created, strict=True)))
    address = once["Email"].str.lower()
    names = once[["First Name", "Last Name", "Company Name", "Job Title"]]
    strange = names.apply(lambda column: column.str.contains(r"^[=+@\-\t]|[<>\"$;]|A{9}|[^\u0000-\u017f]")).any(axis=1)
    changes = history.groupby(["Record ID", "Property"]).size()
    return {
        "the same record on two rows": len(contacts) - len(once),
        "two records with one e-mail, in other capitals": int(address[address != ""].duplicated().sum()),
        "no e-mail": int((address == "").sum()),
        "old score blank": int((once["HubSpot Score"] == "").sum()),
        "industry blank": int((once["Industry"] == "").sum()),
        "industry `(No value)`": int((once["Industry"] == "(No value)").sum()),
        "a range for the number of employees": int(once["Number of Employees"].str.contains(r"-|\+").sum()),
        "a line break in the job title": int(once["Job Title"].str.contains("\n").sum()),
        "several values in one cell": int(once["Interests"].str.contains(";").sum()),
        "several deals in one cell": int(once["Associated Deal IDs"].str.contains(";").sum()),
        "customer before creation": int((customer < created).sum()),
        "a stage under a label of the company's own": int((once["Lifecycle Stage"] == "Newsletter Reader").sum()),
        "text that strangers typed": int((strange & ~names["Job Title"].str.contains("\n")).sum()),
        "closed before created": int((closed & (when(deals["Close Date"]) < when(deals["Create Date"]))).sum()),
        "a close date in the future of an open deal": int((when(deals["Close Date"]) > AS_OF_DAY).sum()),
        "a negative amount": int(deals["Amount"].str.startswith("-").sum()),
        "no amount": int((deals["Amount"] == "").sum()),
        "a deal stage of the company's own": int((deals["Deal Stage"] == "Legal Review").sum()),
        "a ticket on several rows": int(tickets["Ticket ID"].duplicated().sum()),
        "a reply before the ticket": int(
            (when(ticket["First agent email response date"]) < when(ticket["Create date"])).sum()
        ),
        "a ticket closed before it was created": int((when(ticket["Close date"]) < when(ticket["Create date"])).sum()),
        "a call before the contact's creation": int((when(of_calls["Activity date"]) < call_created).sum()),
        "a customer's month twice": int(usage.duplicated(["Customer ID", "Month"]).sum()),
        "fewer than no visitors": int(usage["Website visitors"].str.startswith("-").sum()),
        "a history as long as the vendor keeps it": int((changes >= 45).sum()),
    }


def test_every_fault_is_there_and_the_dictionary_says_how_often() -> None:
    found = faults()
    assert all(found.values()), found
    for fault, n in found.items():
        assert re.search(rf"^\| {re.escape(fault)} \| [a-z ]+ \| {n:,} \|$", README, re.MULTILINE), f"{fault}: {n:,}"


def test_the_dictionary_counts_the_rows_of_every_file() -> None:
    for path in SAMPLE.rglob("*.csv"):
        name = path.relative_to(SAMPLE).as_posix()
        assert f"| {name} | {len(table(path)):,} |" in README, name


def test_loading_the_sample_accounts_for_every_row_and_names_the_faults() -> None:
    found, report = faults(), load(SAMPLE).report
    assert report.rows_read == report.rows_loaded + report.rows_set_aside
    assert report.rows_read == sum(len(table(path)) for path in SAMPLE.glob("*.csv"))
    codes = report.frame().groupby(["column", "code"]).size()
    assert codes["numemployees", "L011"] == found["a range for the number of employees"]
    assert codes["amount", "L017"] == found["a negative amount"]
    assert codes["closedate", "L016"] == found["closed before created"]
    assert codes["closed_date", "L016"] == found["a ticket closed before it was created"]
    assert codes["first_agent_reply_date", "L016"] == found["a reply before the ticket"]
    assert report.rows_merged == sum(
        found[fault]
        for fault in ("the same record on two rows", "a ticket on several rows", "a customer's month twice")
    )


def test_loading_each_language_gives_the_same_contacts() -> None:
    english = load(CONTACTS["en"]).contacts
    for language in ("de", "fr"):
        other = load(CONTACTS[language]).contacts
        assert english.iloc[:, :25].equals(other.iloc[:, :25])
        assert english.drop(columns=english.columns[25]).equals(other.drop(columns=other.columns[25]))


# -- the truth


def mature(contacts: pd.DataFrame) -> pd.DataFrame:
    """One row a lead whose wins are all in by now."""
    once = contacts.drop_duplicates("Record ID")
    created = when(once["Create Date"])
    return once.assign(created=created)[created < AS_OF_DAY - pd.Timedelta(days=240)].set_index("Record ID")


def facts_at_hand_off(folder: Path) -> pd.DataFrame:
    """What decides, from the exports alone; leads with an unknown industry or size left out."""
    leads = mature(export(folder, "all-contacts"))
    events = export(folder, "activities")
    events = events[events["Contact ID"].isin(leads.index)]
    decided = events["Contact ID"].map(leads["created"]) + pd.Timedelta(days=TRUTH.decision_days)
    age = (decided - when(events["Activity date"])) / pd.Timedelta(days=30)
    events = events.assign(worth=np.maximum(0, 1 - TRUTH.decay_a_month * age))[age >= 0]

    def seen(kind: str, detail: str) -> pd.Series:
        of = events[(events["Activity type"] == kind) & events["Detail"].str.startswith(detail)]
        return of.groupby("Contact ID")["worth"].agg(["size", "sum"]).reindex(leads.index, fill_value=0)

    employees = leads["Number of Employees"].str.replace(",", "").str.extract(r"^(\d+)")[0].astype(float)
    student = leads["Email"].str.contains("@Student.", case=False, regex=False)
    known = leads["Industry"].str.contains(r"^\w") & (employees.notna() | student) & (leads["Email"] != "")
    facts = pd.DataFrame(
        {
            "demo_request": seen("Form submission", "Demo request")["size"] > 0,
            "price_visit": seen("Page view", "/pricing")["sum"],
            "more_than_50_people": employees > 50,
            "software": leads["Industry"] == "Software",
            "decision_maker": leads["Job Title"].str.contains("Head of|Director|CEO"),
            "email_click": np.minimum(seen("Email clicked", "")["size"], 2),
            "student": student,
            "opted_out": seen("Email unsubscribed", "")["size"] > 0,
            "press_or_jobs": seen("Page view", "/about/")["size"] > 0,
            "demo_page": seen("Page view", "/demo")["size"] > 0,
            "dach": leads["Country/Region"].isin(["Germany", "Austria", "Switzerland"]),
            "ebook": seen("Form submission", "E-book")["size"] > 0,
        }
    ).astype(float)
    score = pd.to_numeric(leads["HubSpot Score"])
    return facts.assign(won=leads["Lifecycle Stage"] == "Customer", worked=score >= TRUTH.old_line)[known]


def test_the_facts_in_the_exports_are_those_that_decided() -> None:
    facts = facts_at_hand_off(SAMPLE).drop(columns=["won"])
    drawn = true_chances().set_index("hs_object_id").loc[facts.index, facts.columns]
    for name in facts.columns:
        wrong = (facts[name].astype(float) - drawn[name].astype(float)).abs() > 0.02
        assert wrong.mean() < 0.003, name  # a title or an address that a stranger typed over


def logistic(facts: np.ndarray, won: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Newton's method: coefficients and their standard errors."""
    beta = np.zeros(facts.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-facts @ beta))
        covariance = np.linalg.inv(facts.T @ (facts * (p * (1 - p))[:, None]))
        beta = beta + covariance @ facts.T @ (won - p)
    return beta, np.sqrt(np.diag(covariance))


def test_a_regression_on_the_worked_leads_finds_what_each_rule_is_worth(large: Path) -> None:
    worked = facts_at_hand_off(large).query("worked")
    names = [name for name in worked.columns if name not in ("won", "worked")]
    x = np.column_stack([np.ones(len(worked)), worked[names]])
    found, error = logistic(x, worked["won"].to_numpy(float))
    truth = np.array([getattr(TRUTH.log_odds, name) for name in ["intercept", *names]])
    assert (np.abs(found - truth) < 3.5 * error).all(), pd.DataFrame({"found": found, "truth": truth, "error": error})
    at = {name: place + 1 for place, name in enumerate(names)}
    for name in ("demo_request", "price_visit", "more_than_50_people", "software", "decision_maker"):
        assert abs(found[at[name]]) > 3 * error[at[name]], name


def test_an_unworked_lead_wins_at_the_known_part_of_its_chance(large: Path) -> None:
    leads = facts_at_hand_off(large)
    names = [name for name in leads.columns if name not in ("won", "worked")]
    linear = TRUTH.log_odds.intercept + sum(leads[name] * getattr(TRUTH.log_odds, name) for name in names)
    chance = 1 / (1 + np.exp(-linear))
    for worked, factor in ((True, 1.0), (False, TRUTH.unworked_factor)):
        of = leads["worked"] == worked
        expected = factor * chance[of].sum()
        assert abs(leads["won"][of].sum() - expected) < 4 * np.sqrt(expected)


def test_wins_jump_at_the_old_line_and_nowhere_else(large: Path) -> None:
    leads = mature(export(large, "all-contacts"))
    score, won = pd.to_numeric(leads["HubSpot Score"]), leads["Lifecycle Stage"] == "Customer"

    def rate(low: int) -> float:
        return float(won[score.between(low, low + 4)].mean())

    assert rate(50) / rate(45) > 2.5
    assert all(0.7 < rate(low + 5) / rate(low) < 1.9 for low in (25, 30, 35, 40, 50, 55))
    assert won[score.isna()].mean() < 0.1


def scored_at_hand_off(folder: Path, chances: pd.DataFrame) -> pd.Series:
    """The shipped score of every lead, with what was known when it was handed over."""
    ws = load(folder)
    activities = ws.activities
    by_then = activities["at"] <= activities["contact_id"].map(chances["decided_at"])
    out_by_then = ws.contacts["hs_object_id"].map(chances["opted_out"]).astype("boolean")
    contacts = ws.contacts.assign(hs_email_optout=out_by_then)
    model = ScoreModel.read(SAMPLE / "score.yaml")
    return score(contacts, model, activities=activities[by_then], as_of=AS_OF).set_index("hs_object_id")["score"]


def test_the_shipped_score_has_the_true_chances_that_the_dictionary_tells(large: Path) -> None:
    chances = true_chances(contacts=40_000, seed=7).set_index("hs_object_id")
    points = scored_at_hand_off(large, chances)
    told = re.findall(r"^\| (\d+) to (\d+) \| (\d+) % \| (\d+) % \| (\d+) % \|$", README, re.MULTILINE)
    assert len(told) == 8
    for low, high, share, if_worked, as_it_was in told:
        inside = chances.loc[points[points.between(int(low), int(high))].index]
        assert 100 * len(inside) / len(chances) == pytest.approx(int(share), abs=1)
        assert 100 * inside["chance_if_worked"].mean() == pytest.approx(int(if_worked), abs=2)
        assert 100 * inside["chance"].mean() == pytest.approx(int(as_it_was), abs=2.5)


def test_a_score_as_of_the_export_flatters_itself() -> None:
    chances = true_chances().set_index("hs_object_id")
    leads = mature(export(SAMPLE, "all-contacts"))
    won = (leads["Lifecycle Stage"] == "Customer").to_numpy()
    then = scored_at_hand_off(SAMPLE, chances)[leads.index].to_numpy()
    now = score(load(SAMPLE), ScoreModel.read(SAMPLE / "score.yaml")).set_index("hs_object_id")["score"]

    def auc(points: np.ndarray) -> float:
        above = points[won][:, None] - points[~won][None, :]
        return float((above > 0).mean() + (above == 0).mean() / 2)

    assert auc(then) == pytest.approx(0.79, abs=0.02)
    assert auc(now[leads.index].to_numpy()) == pytest.approx(0.85, abs=0.02)


def test_true_chances_belong_to_the_contacts_of_the_same_seed() -> None:
    chances = true_chances().set_index("hs_object_id")
    contacts = mature(export(SAMPLE, "all-contacts"))
    assert set(contacts.index) <= set(chances.index)
    won = contacts["Lifecycle Stage"] == "Customer"
    days = chances.loc[contacts.index, "days_to_win"]
    assert (
        won == (when(contacts["created"].dt.strftime("%Y-%m-%d %H:%M")) + pd.to_timedelta(days, unit="D") < AS_OF_DAY)
    ).all()
    expected = chances.loc[contacts.index, "chance"].sum()
    assert abs(won.sum() - expected) < 4 * np.sqrt(expected)


def test_eight_to_ten_percent_become_customers_most_of_them_within_90_days() -> None:
    chances = true_chances(contacts=40_000, seed=7)
    assert 0.08 < (chances["days_to_win"] <= 90).mean() < 0.10
    days = chances["days_to_win"].dropna()
    assert 29 < days.median() < 35
    assert (days <= 90).mean() > 0.94


def test_some_contacts_are_too_young_to_judge() -> None:
    created = when(export(SAMPLE, "all-contacts")["Create Date"])
    assert created.min() < pd.Timestamp("2025-01-05")
    assert 0.1 < (created > AS_OF_DAY - pd.Timedelta(days=90)).mean() < 0.2
    assert created.max() < AS_OF_DAY + pd.Timedelta(days=1)


def test_traffic_follows_the_known_season(large: Path) -> None:
    created = when(export(large, "all-contacts").drop_duplicates("Record ID")["Create Date"])
    days = pd.Series(pd.date_range("2025-01-01", AS_OF))
    season = np.array(TRUTH.season)
    weight = season[days.dt.month - 1] * np.array(TRUTH.weekday)[days.dt.day_of_week]
    expected = pd.Series(weight).groupby(days.dt.strftime("%Y-%m")).sum()
    expected *= len(created) / expected.sum()
    found = created.dt.strftime("%Y-%m").value_counts().reindex(expected.index)
    whole = expected.index[:-1]  # the export cuts the last month
    assert (np.abs(found - expected)[whole] < 4.5 * np.sqrt(expected)[whole]).all()


# -- the customers


def months_since(purchase: pd.Series, of: pd.DataFrame, key: str, column: str) -> pd.Series:
    at = pd.to_datetime(of[column].where(of[column] != ""))
    bought = pd.to_datetime(of[key].map(purchase))
    return (at.dt.year - bought.dt.year) * 12 + at.dt.month - bought.dt.month


def monthly(usage: pd.DataFrame, purchase: pd.Series, column: str) -> pd.DataFrame:
    """One row a customer, one column a month since the purchase."""
    rows = usage.drop_duplicates(["Customer ID", "Month"])
    since = months_since(purchase, rows, "Customer ID", "Month")
    return rows.assign(since=since, value=rows[column].astype(float)).pivot_table("value", "Customer ID", "since")


def first_wins(folder: Path) -> pd.Series:
    """Customer to the time of its first won deal."""
    deals = export(folder, "all-deals").query("`Is Closed Won` == 'true'")
    customers = export(folder, "usage")["Customer ID"].unique()
    return deals.groupby("Associated Company IDs")["Close Date"].min()[customers]


def test_customers_visitors_and_forms_grow_as_known(large: Path) -> None:
    usage, purchase = export(large, "usage"), first_wins(large)
    for column, change in (("Website visitors", TRUTH.website_visitors), ("Form submissions", TRUTH.form_submissions)):
        wide = monthly(usage, purchase, column)
        both = wide[(wide[1] > 0) & (wide[12] > 0)]
        ratio = np.log(both[12] / both[1])
        error = 1.2533 * 1.4826 * (ratio - ratio.median()).abs().median() / np.sqrt(len(ratio))
        assert abs(ratio.median() - np.log1p(change.improvement)) < 4 * error
        spoiled = ((ratio - ratio.median()).abs() > np.log(5)).mean()
        assert spoiled == pytest.approx(2 * TRUTH.outliers, abs=0.03)  # in month 1 or in month 12


def test_in_the_sample_the_plain_mean_of_visitors_is_far_off_and_the_median_of_ratios_is_not() -> None:
    wide = monthly(export(SAMPLE, "usage"), first_wins(SAMPLE), "Website visitors")
    truth = TRUTH.website_visitors.improvement
    both = wide[(wide[1] > 0) & (wide[12] > 0)]
    assert abs(wide[12].mean() / wide[1].mean() - 1 - truth) > 0.3
    assert abs((both[12] / both[1]).median() - 1 - truth) < 0.1


def test_customers_e_mails_deals_and_tickets_grow_as_known(large: Path) -> None:
    purchase = first_wins(large)

    def ratio(numerator: pd.Series, denominator: pd.Series) -> float:
        first, last = slice(1, 3), slice(12, 18)
        return (numerator.loc[last].sum() / denominator.loc[last].sum()) / (
            numerator.loc[first].sum() / denominator.loc[first].sum()
        ) - 1

    usage = export(large, "usage").drop_duplicates(["Customer ID", "Month"])
    usage["since"] = months_since(purchase, usage, "Customer ID", "Month")
    mails = usage.query("since >= 1").set_index("since").filter(like="Emails").astype(float).groupby(level=0).sum()
    assert ratio(mails["Emails opened"], mails["Emails delivered"]) == pytest.approx(
        TRUTH.email_open_rate.improvement, abs=0.03
    )
    assert ratio(mails["Emails clicked"], mails["Emails opened"]) == pytest.approx(
        TRUTH.email_click_through_rate.improvement, abs=0.03
    )

    seats = export(large, "seats")
    seats["since"] = months_since(purchase, seats, "Customer ID", "Month")
    active = seats.groupby("since").size().astype(float)
    deals = export(large, "all-deals").query(
        "`Associated Company IDs` in @purchase.index and `Deal Type` != 'New Business'"
    )
    made = deals.groupby(months_since(purchase, deals, "Associated Company IDs", "Create Date")).size()
    won = deals.query("`Is Closed Won` == 'true'")
    won_by = won.groupby(months_since(purchase, won, "Associated Company IDs", "Create Date")).size()
    assert ratio(made, active) == pytest.approx(TRUTH.deals_created.improvement, abs=0.07)
    assert ratio(won_by, made) == pytest.approx(TRUTH.deal_close_rate.improvement, abs=0.09)

    tickets = export(large, "all-tickets").drop_duplicates("Ticket ID")
    tickets["since"] = months_since(purchase, tickets, "Associated Company IDs", "Create date")
    assert ratio(tickets.groupby("since").size(), active) == pytest.approx(TRUTH.tickets_created.improvement, abs=0.07)
    waited = when(tickets["First agent email response date"]) - when(tickets["Create date"])
    hours = waited / pd.Timedelta(hours=1)
    logs = np.log(hours[hours > 0])
    early, late = logs[tickets["since"].between(1, 3)], logs[tickets["since"].between(12, 18)]
    assert np.expm1(late.median() - early.median()) == pytest.approx(TRUTH.ticket_response_hours.improvement, abs=0.05)
    assert early.std() == pytest.approx(np.hypot(TRUTH.response_spread, TRUTH.ticket_response_hours.spread), abs=0.05)
    skewed = hours[tickets["since"].between(1, 3)]
    assert skewed.mean() > 1.6 * skewed.median()


# -- bad input


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"contacts": 0}, "a sample has 1 to 10,000,000 contacts, not 0"),
        ({"seed": -1}, "a seed is a whole number from 0, not -1"),
        (
            {"only": {"contact"}},
            "the sample has no table 'contact'; it has 'contacts', 'companies', 'deals', 'tickets', 'activities', "
            "'feedback', 'usage', 'seats', 'spend', 'property_history'. Did you mean 'contacts'?",
        ),
        ({"languages": ["es"]}, "the sample is not written in 'es'; it is in 'en', 'de', 'fr'"),
    ],
)
def test_a_wrong_argument_ends_in_a_sentence(tmp_path: Path, arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        write_sample(tmp_path, **arguments)  # type: ignore[arg-type]
    assert str(caught.value) == sentence


def test_a_folder_that_is_a_file_ends_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.write_text("here already")
    with pytest.raises(WorkbenchError, match=r"^the sample cannot be written to '.*taken': "):
        write_sample(path, contacts=10)
