from services.hub.definitions.changes import Change, changes
from services.hub.definitions.diff import told


def test_names_below_a_key_are_added_changed_and_removed() -> None:
    before = {"channels": {"one": {"kind": "form"}, "two": {"kind": "form"}, "same": {}}}
    after = {"channels": {"one": {"kind": "smtp"}, "three": {}, "same": {}}}
    assert changes(before, after) == [
        Change("channels", "one", "changed"),
        Change("channels", "three", "added"),
        Change("channels", "two", "removed"),
    ]


def test_a_list_changes_as_a_whole() -> None:
    assert changes({"scoring": [1]}, {"scoring": [2]}) == [Change("scoring", "", "changed")]
    assert changes({}, {"scoring": [2]}) == [Change("scoring", "", "added")]
    assert changes({"scoring": [2]}, {}) == [Change("scoring", "", "removed")]


def test_the_first_set_adds_everything_and_the_same_set_changes_nothing() -> None:
    data = {"team": {"anna": {}}, "routing": {"default": "reach"}}
    assert {change.did for change in changes({}, data)} == {"added"}
    assert changes(data, data) == []


def test_what_is_in_flight_is_told_in_words() -> None:
    assert told({"new": 12, "talking": 3}) == "new: 12, talking: 3"
    assert told(7) == "7"
    assert told(None) == told({}) == ""
