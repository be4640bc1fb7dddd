"""`python -m tests.chaos.drivers NAME`: the module of that name, with its own options (`--help`)."""

import importlib
import sys
from pathlib import Path

_BESIDE = ("__init__", "__main__", "replica", "stage")


def main() -> int:
    """Run the module that is named."""
    here = Path(__file__).parent
    names = sorted(path.stem for path in here.glob("*.py") if path.stem not in _BESIDE)
    names = [name for name in names if not name.startswith("test_")]
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        print(f"name one of: {', '.join(names)}")
        return 2
    result: int = importlib.import_module(f"tests.chaos.drivers.{sys.argv[1]}").main(sys.argv[2:])
    return result


if __name__ == "__main__":
    sys.exit(main())
