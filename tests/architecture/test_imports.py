"""What may be imported where, said by what is allowed; import-linter says what is forbidden."""

import sys

from tests.architecture.source import files, imports

# The floor knows the envelope and what a contract declares, but no single contract.
CONTRACTS_FOR_THE_FLOOR = {"contracts.contract", "contracts.envelope"}
GENERATORS = {"contracts/generate.py"}


def test_contracts_import_pydantic_and_nothing_else() -> None:
    allowed = sys.stdlib_module_names | {"pydantic", "contracts"}
    foreign = [
        f"{path}:{line} imports {module}: contracts are read by everybody, keep them to pydantic"
        for path in files("contracts")
        for line, module in imports(path)
        if module.split(".")[0] not in allowed | ({"yaml"} if path in GENERATORS else set())
    ]
    assert not foreign, "\n".join(foreign)


def test_the_runtime_knows_no_single_contract() -> None:
    foreign = [
        f"{path}:{line} imports {module}: let the service pass it in"
        for path in files("services/runtime")
        for line, module in imports(path)
        if module.split(".")[0] == "contracts" and module not in CONTRACTS_FOR_THE_FLOOR
    ]
    assert not foreign, "\n".join(foreign)
