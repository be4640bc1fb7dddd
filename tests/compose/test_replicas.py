"""The main job on containers, with three replicas of leads and two of notifications."""

from tests.compose.stack import Stack
from tests.e2e.test_main_job import *  # noqa: F403

REPLICAS = {"leads": 3, "notifications": 2}


def test_there_are_as_many_as_were_asked_for(hub: Stack) -> None:
    assert {service: len(hub.containers(service)) for service in REPLICAS} == REPLICAS
