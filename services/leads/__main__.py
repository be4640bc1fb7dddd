"""Runs leads as a process of its own."""

from services.leads.app import build
from services.runtime.host import main

main(build)
