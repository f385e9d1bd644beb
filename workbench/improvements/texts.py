"""Sentences about an improvement, in English, German and French."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.catalog import LANGUAGES, Language
from workbench.errors import WorkbenchError, listing
from workbench.wording import capital, plural

if TYPE_CHECKING:
    from workbench.improvements.result import Improvement


RULE_NAMES = {
    "tukey": ("Tukey's fences", "Tukey-Grenzen", "bornes de Tukey"),
    "adjusted_boxplot": ("adjusted boxplot", "angepasster Boxplot", "boîte à moustaches ajustée"),
    "mad": ("modified z-score by MAD", "modifizierter z-Wert nach MAD", "score z modifié (MAD)"),
    "winsor": ("winsorised", "winsorisiert", "winsorisation"),
}
"""The outlier rules in English, German and French."""


def _say(language: Language, english: str, german: str, french: str) -> str:
    if language not in LANGUAGES:
        raise WorkbenchError(f"there is no footnote in {language!r}; there are {listing(LANGUAGES)}.")
    return {"en": english, "de": german, "fr": french}[language]


def number(value: float, language: Language, *, digits: int = 0) -> str:
    """`1,234.5`, `1.234,5` or `1 234,5`."""
    text = f"{value:,.{digits}f}"
    if language == "en":
        return text
    return text.translate(str.maketrans(",.", ".," if language == "de" else "\u202f,"))


def percent(share: float, language: Language, *, signed: bool = True) -> str:
    """`+50.0 %` for 0.5, with a true minus."""
    size = number(abs(100 * share), language, digits=1)
    sign = "−" if share < 0 and size.strip("0.,") else "+" if signed else ""
    return f"{sign}{size} %"


def interval(low: float, high: float, language: Language) -> str:
    """`+45.1 to +55.2 %`."""
    to = _say(language, "to", "bis", "à")
    return f"{percent(low, language).removesuffix(' %')} {to} {percent(high, language)}"


def headline(found: Improvement, language: Language = "en") -> str:
    """One sentence: the improvement with its n and interval."""
    label, at = found.metric.label(language), found.choices.at
    if found.value is None:
        return _say(
            language,
            f"No improvement of {label} is shown for month {at}: {found.why_not}.",
            f"Für Monat {at} wird keine Veränderung gezeigt ({label}): {_why(found, language)}.",
            f"Aucune évolution n'est montrée pour le mois {at} ({label}) : {_why(found, language)}.",
        )
    moved = percent(found.value, language)
    around = ""
    if found.low is not None and found.high is not None:
        level = f"{100 * found.choices.confidence:g} %"
        limits = interval(found.low, found.high, language)
        around = _say(
            language,
            f" ({level} interval {limits})",
            f" ({level}-Intervall {limits})",
            f" (intervalle à {level} : {limits})",
        )
    n = number(found.n_customers or 0, language)
    verdict = ""
    if found.better is not None:
        verdict = (
            _say(language, "better", "besser", "mieux")
            if found.better
            else _say(language, "worse", "schlechter", "moins bien")
        )
    if verdict and found.metric.sign < 0:
        shorter = found.metric.kind == "duration"
        less = _say(
            language,
            "shorter is better" if shorter else "less is better",
            "kürzer ist besser" if shorter else "weniger ist besser",
            "plus court est mieux" if shorter else "moins est mieux",
        )
        verdict = f"{verdict}: {less}"
    ending = f", {verdict}" if verdict else ""
    return _say(
        language,
        f"{capital(label)}: {moved} after {at} months{around}, {n} customers{ending}.",
        f"{capital(label)}: {moved} nach {at} Monaten{around}, {n} Kunden{ending}.",
        f"{capital(label)} : {moved} après {at} mois{around}, {n} clients{ending}.",
    )


def _why(found: Improvement, language: Language) -> str:
    if found.n_customers is None:
        few = found.choices.min_group
        return _say(language, found.why_not, f"weniger als {few} Kunden", f"moins de {few} clients")
    return _say(language, found.why_not, "ohne Wert in der Basis", "sans valeur de référence")


def footnote(found: Improvement, language: Language = "en") -> str:
    """Everything a reader must know of the figure, in one paragraph."""
    choices = found.choices
    months = ", ".join(str(month) for month in choices.baseline)
    parts = []
    n = number(found.n_customers, language) if found.n_customers is not None else f"< {choices.min_group}"
    parts.append(_say(language, f"n = {n} customers", f"n = {n} Kunden", f"n = {n} clients"))
    if found.period is not None:
        first, last = found.period
        parts.append(
            _say(language, f"period {first} to {last}", f"Zeitraum {first} bis {last}", f"période {first} à {last}")
        )
    parts.append(_let_in(found, language))
    parts.append(
        _say(
            language,
            f"baseline: month {months} since purchase (month 1 is the first full calendar month)",
            f"Basis: Monat {months} seit dem Kauf (Monat 1 ist der erste volle Kalendermonat)",
            f"référence : mois {months} depuis l'achat (le mois 1 est le premier mois civil complet)",
        )
    )
    parts.append(_level(found, language))
    parts.append(_outliers(found, language))
    parts.append(_season(found, language))
    parts.append(_interval(found, language))
    parts.append(_survivors(found, language))
    parts.append(
        _say(
            language,
            f"{number(found.zero_baselines, language)} customers with a baseline of 0, "
            f"{number(found.missing_baselines, language)} without a baseline",
            f"{number(found.zero_baselines, language)} Kunden mit Basis 0, "
            f"{number(found.missing_baselines, language)} ohne Basis",
            f"{number(found.zero_baselines, language)} clients dont la référence est 0, "
            f"{number(found.missing_baselines, language)} sans référence",
        )
    )
    parts.append(
        _say(
            language,
            f"figures of fewer than {choices.min_group} customers are not shown, nor can they be worked out",
            f"Zahlen über weniger als {choices.min_group} Kunden werden nicht gezeigt und sind nicht errechenbar",
            f"les chiffres portant sur moins de {choices.min_group} clients ne sont ni montrés ni calculables",
        )
    )
    end = _say(
        language,
        "For information only: results differ by market, customer, industry and region.",
        "Nur zur Information: Ergebnisse unterscheiden sich nach Markt, Kunde, Branche und Region.",
        "À titre d'information : les résultats varient selon le marché, le client, le secteur et la région.",
    )
    return f"{'; '.join(part for part in parts if part)}. {end}"


def _let_in(found: Improvement, language: Language) -> str:
    how = {
        "balanced": (
            "customers seen at the baseline and in the month",
            "Kunden mit Basis und Wert im Monat",
            "clients observés à la référence et au mois considéré",
        ),
        "all": (
            "all customers seen in the month, over all seen at the baseline",
            "alle Kunden des Monats gegen alle der Basis",
            "tous les clients du mois, rapportés à tous ceux de la référence",
        ),
        "kept_baseline": (
            "all customers with a baseline; those who left are taken to have kept it",
            "alle Kunden mit Basis; wer ging, behält sie",
            "tous les clients ayant une référence ; ceux partis sont supposés l'avoir gardée",
        ),
        "fell_to_zero": (
            "all customers with a baseline; those who left are taken to have fallen to zero",
            "alle Kunden mit Basis; wer ging, zählt als null",
            "tous les clients ayant une référence ; ceux partis comptent pour zéro",
        ),
    }[found.choices.survivors]
    said = _say(language, f"let in: {how[0]}", f"einbezogen: {how[1]}", f"inclus : {how[2]}")
    return f"{said} ({found.choices.criteria})" if found.choices.criteria else said


def _level(found: Improvement, language: Language) -> str:
    choices = found.choices
    centre = _say(
        language,
        choices.centre,
        "Mittelwert" if choices.centre == "mean" else "Median",
        "moyenne" if choices.centre == "mean" else "médiane",
    )
    if choices.level == "ratio_of_centres":
        said = _say(
            language,
            f"{centre} of the month over {centre} of the baseline",
            f"{centre} des Monats durch {centre} der Basis",
            f"{centre} du mois sur {centre} de la référence",
        )
    else:
        said = _say(
            language,
            f"{centre} of each customer's own ratio to its baseline",
            f"{centre} des je eigenen Verhältnisses zur Basis",
            f"{centre} du rapport de chaque client à sa référence",
        )
    skew = found.skewness
    reason = {
        "asked": ("", "", ""),
        "very_skewed": ("very skewed", "sehr schief", "très asymétrique"),
        "not_very_skewed": ("not very skewed", "nicht sehr schief", "peu asymétrique"),
        "coarse": ("too coarse for a median", "zu grob für einen Median", "trop grossier pour une médiane"),
    }[choices.centre_reason]
    if reason[0]:
        medcouple = number(skew.medcouple, language, digits=2).replace("-", "−")
        said += f" ({_say(language, *reason)}: {_say(language, 'medcouple', 'Medcouple', 'medcouple')} {medcouple})"
    if choices.rate is not None:
        said += "; " + (
            _say(language, "rates: sum over sum", "Raten: Summe durch Summe", "taux : somme sur somme")
            if choices.rate == "pooled"
            else _say(language, "rates: of each customer", "Raten: je Kunde", "taux : par client")
        )
    return said


def _outliers(found: Improvement, language: Language) -> str:
    rule = found.choices.outliers
    if rule.rule == "none":
        return _say(
            language, "outliers: not cleaned", "Ausreißer: nicht bereinigt", "valeurs aberrantes : non traitées"
        )
    name = RULE_NAMES[rule.rule]
    judged = {
        "change": ("each customer's own change", "je eigene Veränderung", "évolution propre de chaque client"),
        "value": ("the month's values", "Werte des Monats", "valeurs du mois"),
    }[rule.on]
    scale = found.choices.scale
    strength = f"{rule.strength:g}" if language == "en" else f"{rule.strength:g}".replace(".", ",")
    logs = "" if scale == "plain" else _say(language, " in logs", ", logarithmisch", " en logarithmes")
    values, spikes = found.outliers.n_values, found.outliers.n_spikes
    touched = (number(values, language), number(spikes, language), number(found.outliers.n_customers, language))
    return _say(
        language,
        f"outliers: {name[0]} ({strength}) on {judged[0]}{logs}, "
        f"{plural(values, 'value')} and {plural(spikes, 'isolated spike')} of "
        f"{plural(found.outliers.n_customers, 'customer')}",
        f"Ausreißer: {name[1]} ({strength}) auf {judged[1]}{logs}, "
        f"{touched[0]} Werte und {touched[1]} Einzelspitzen von {touched[2]} Kunden",
        f"valeurs aberrantes : {name[2]} ({strength}) sur "
        f"{judged[2]}{logs}, {touched[0]} valeurs et {touched[1]} pics isolés de {touched[2]} clients",
    )


def _season(found: Improvement, language: Language) -> str:
    if not found.choices.seasonal:
        return _say(
            language,
            "not adjusted by calendar month",
            "nicht saisonbereinigt",
            "non corrigé des variations saisonnières",
        )
    beside = "" if found.unadjusted is None else percent(found.unadjusted, language)
    return _say(
        language,
        f"adjusted by calendar month (without: {beside})",
        f"saisonbereinigt (ohne: {beside})",
        f"corrigé des variations saisonnières (sans : {beside})",
    )


def _interval(found: Improvement, language: Language) -> str:
    choices = found.choices
    if choices.interval == "none":
        return _say(language, "no interval", "ohne Intervall", "sans intervalle")
    name = {
        "bca": ("BCa", "BCa", "BCa"),
        "percentile": ("percentile", "Perzentil", "percentile"),
    }[choices.interval]
    draws = number(choices.draws, language)
    return _say(
        language,
        f"{100 * choices.confidence:g} % {name[0]} bootstrap interval over customers, {draws} draws, each cleaned anew",
        f"{100 * choices.confidence:g}-%-{name[1]}-Bootstrap-Intervall über Kunden, {draws} Ziehungen, je bereinigt",
        f"intervalle bootstrap {name[2]} à {100 * choices.confidence:g} % par client, {draws} tirages, chacun nettoyé",
    )


def _survivors(found: Improvement, language: Language) -> str:
    bounds = found.bounds
    young = ""
    if bounds.n_too_young:
        few = number(bounds.n_too_young, language)
        young = _say(
            language,
            f"{few} not yet customers for so long",
            f"{few} noch nicht so lange Kunden",
            f"{few} clients trop récents",
        )
    if not bounds.n_left:
        return young
    left = number(bounds.n_left, language)
    said = _say(
        language,
        f"{left} left before month {found.choices.at}",
        f"{left} gingen vor Monat {found.choices.at}",
        f"{left} partis avant le mois {found.choices.at}",
    )
    if bounds.kept_baseline is not None:
        kept = percent(bounds.kept_baseline, language)
        said += _say(
            language,
            f" (had they kept their baseline: {kept}",
            f" (mit unveränderter Basis: {kept}",
            f" (s'ils avaient gardé leur référence : {kept}",
        )
        if bounds.fell_to_zero is not None:
            zero = percent(bounds.fell_to_zero, language)
            said += _say(
                language, f"; fallen to zero: {zero}", f"; auf null gefallen: {zero}", f" ; tombés à zéro : {zero}"
            )
        said += ")"
    return f"{said}; {young}" if young else said
