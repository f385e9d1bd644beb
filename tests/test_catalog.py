"""The catalog of properties holds together."""

import pytest

from workbench import catalog

TYPES = {
    "id",
    "id_list",
    "string",
    "enumeration",
    "enumeration_list",
    "number",
    "bool",
    "date",
    "datetime",
    "duration_ms",
}


@pytest.mark.parametrize("object_name", catalog.TABLES)
def test_every_property_has_a_known_type_and_a_label_in_each_language(object_name):
    properties = catalog.properties(object_name)
    assert len(properties) >= 4
    for known in properties:
        assert known.type in TYPES
        assert known.personal in {"yes", "no", "staff"}
        assert all(label.strip() for language in catalog.LANGUAGES for label in known.labels[language])
    assert len({known.name for known in properties}) == len(properties)


@pytest.mark.parametrize("object_name", catalog.TABLES)
@pytest.mark.parametrize("language", catalog.LANGUAGES)
def test_no_label_of_a_language_stands_for_two_properties_of_an_object(object_name, language):
    owner: dict[str, str] = {}
    for known in catalog.properties(object_name):
        for label in known.labels[language]:
            assert owner.setdefault(label.casefold(), known.name) == known.name


def test_stage_patterns_are_spelt_out_for_every_stage_and_alias():
    entered = catalog.by_name("contact")["hs_v2_date_entered_customer"]
    assert entered.label("en") == 'Date entered "Customer (Lifecycle Stage Pipeline)"'
    assert "Became a Customer Date" in entered.labels["en"]
    assert entered.label("de") == "Datum der Konversion zum Kunde"
    assert len([name for name in catalog.by_name("contact") if name.startswith("hs_v2_date_entered_")]) == 8


def test_options_have_distinct_values_and_distinct_labels():
    for name in ("lifecyclestage", "hs_lead_status", "hs_analytics_source", "dealstage", "kind"):
        options = catalog.options(name)
        assert len({option.value for option in options}) == len(options) > 0
        for language in catalog.LANGUAGES:
            labels = [label.casefold() for option in options for label in option.labels[language]]
            assert len(set(labels)) == len(labels)
    assert catalog.options("nothing") == ()
