"""Time, ids and chance come in as arguments: rules can be tried at any moment, and repeated exactly."""

import ast

from tests.architecture.source import SERVICES, files, tree

OWN_WILL = {
    "now",
    "utcnow",
    "today",
    "uuid1",
    "uuid4",
    "time",
    "monotonic",
    "random",
    "choice",
    "randint",
    "sleep",
}
SOURCES = {"datetime", "date", "uuid", "time", "random", "secrets", "asyncio"}
ROOMS = ("domain", "usecases", "store", "handlers")


def test_rules_and_queries_take_the_time_and_their_ids_from_outside() -> None:
    found = [
        f"{path}:{node.lineno} calls {ast.unparse(node.func)}: take it as an argument"
        for path in files(*(f"services/{service}" for service in SERVICES))
        if any(part.removesuffix(".py") in ROOMS for part in path.split("/")[2:3])
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and decides_alone(node.func)
    ]
    assert not found, "\n".join(found)


def decides_alone(called: ast.expr) -> bool:
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        return called.attr in OWN_WILL and called.value.id in SOURCES
    return isinstance(called, ast.Name) and called.id in {"uuid4", "uuid1"}
