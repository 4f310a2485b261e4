"""Texts of validation errors."""

from pydantic import ValidationError


def first_error(error: ValidationError) -> str:
    """Return the first error and the number of others: `cameras.face.fps: Input should be greater than 0 (and 1 more)`."""
    errors = error.errors()
    field = ".".join(str(part) for part in errors[0]["loc"] if part != "[key]")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{field or 'message'}: {errors[0]['msg'].removeprefix('Value error, ')}{more}"
