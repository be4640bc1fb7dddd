"""Runs notifications as a process of its own."""

from services.notifications.app import build
from services.runtime.host import main

main(build)
