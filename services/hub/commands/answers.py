"""What the hub answered, on a terminal."""

from typing import Any

_MARKS = {"added": "+", "changed": "~", "removed": "-"}


def show_changes(answer: dict[str, Any]) -> None:
    """The changes by name, with what is in flight there."""
    if not answer["changes"]:
        print("Nothing changes.")
    for change in answer["changes"]:
        what = f"{change['key']}.{change['name']}" if change["name"] else change["key"]
        flight = f"   in flight: {change['in_flight']}" if change.get("in_flight") else ""
        print(f"{_MARKS[change['did']]} {what}{flight}")
    for service in answer.get("silent", []):
        print(f"{service} did not answer: what is in flight there is not known.")
    for note in answer.get("notes", []):
        print(note)
