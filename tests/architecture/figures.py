"""How large the project's files and functions are: `python -m tests.architecture.figures`."""

from statistics import median

from tests.architecture.source import files, functions, lines


def figures() -> list[str]:
    """Largest file, largest function, median function."""
    largest = max(files(), key=lines)
    longest = max(functions(), key=lambda function: function.lines)
    typical = median(function.lines for function in functions())
    return [
        f"largest file      {lines(largest)} lines  {largest}",
        f"largest function  {longest.lines} lines  {longest}",
        f"median function   {typical:g} lines of {len(functions())} functions in {len(files())} files",
    ]


if __name__ == "__main__":
    print("\n".join(figures()))
