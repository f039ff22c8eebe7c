"""What every error that reaches a caller is made of."""

from typing import ClassVar


class ApiError(Exception):
    """An answer that is an error: a stable code, an HTTP status, and a sentence for a person.

    The message is all that a user of the AWS CLI sees: it says what is wrong, with which member or
    thing, and what to do. `retry_after_ms` becomes the header `x-amz-retry-after`.
    """

    code: ClassVar[str]
    status: ClassVar[int]

    def __init__(self, message: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_ms = retry_after_ms
