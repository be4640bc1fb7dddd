"""Moves on entering that lead back to where they began: such a deal would never come to rest."""

from collections.abc import Iterator

from services.deals.definitions.models import WrittenFunnel


def circles(funnel: WrittenFunnel) -> Iterator[tuple[int, list[str]]]:
    """Each circle once: the place of its first stage, and the stages in the order entered.

    A condition on a move is taken to hold: it may.
    """
    leads_to = {
        stage.name: [action.move.to for action in stage.on_enter if action.move] for stage in funnel.stages
    }
    done: set[str] = set()
    for place, stage in enumerate(funnel.stages):
        circle = _back_to(stage.name, leads_to, done)
        if circle:
            done.update(circle)
            yield place, circle


def _back_to(start: str, leads_to: dict[str, list[str]], done: set[str]) -> list[str]:
    """The way from a stage back to itself, without the stages of circles known already."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for target in leads_to.get(way[-1], ()):
            if target == start:
                return [*way, start]
            if target not in seen and target not in done:
                seen.add(target)
                ways.append([*way, target])
    return []
