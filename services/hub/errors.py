"""What can go wrong for the person at the terminal: one sentence, and what to do."""


class HubProblem(Exception):
    """Ends a command with exit code 1, without a traceback."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
