"""Runs deals as a process of its own."""

from services.deals.app import build
from services.runtime.host import main

main(build)
