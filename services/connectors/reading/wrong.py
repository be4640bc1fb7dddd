"""What pydantic found wrong with a document, in words that hold none of its values."""

from pydantic import ValidationError


def wrong(error: ValidationError) -> str:
    """Field and complaint, the first three of them."""
    rows = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(map(str, row['loc'])) or 'body'}: {row['msg']}" for row in rows[:3]]
    return "; ".join(told)[:500]
