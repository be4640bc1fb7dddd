"""Runs connectors by itself: `python -m services.connectors`."""

from services.connectors.app import build
from services.runtime.host import main

if __name__ == "__main__":
    main(build)
