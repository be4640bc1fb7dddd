"""One name in the environment means one thing: all services of a hub share it."""

from docs.generator.environment import own_settings


def test_no_two_services_read_one_variable_differently() -> None:
    meanings: dict[str, dict[str, str]] = {}
    for settings in own_settings():
        for name, field in settings.model_fields.items():
            meanings.setdefault(name, {})[field.description or ""] = settings.SERVICE
    double = [
        f"LEADWIRE_{name.upper()} is read differently by {' and '.join(readers.values())}: rename it in one, "
        "or say the same in both"
        for name, readers in meanings.items()
        if len(readers) > 1
    ]
    assert not double, "\n".join(double)
