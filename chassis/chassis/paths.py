"""The `{topic_id:id}` of a route: digits; any other path is unknown, and too large a number too."""

from starlette.convertors import Convertor, register_url_convertor

from chassis.text import LARGEST_ID


class IdConvertor(Convertor[int]):
    """Up to 40 digits, clamped to the largest number, which no row has."""

    regex = "[0-9]{1,40}"

    def convert(self, value: str) -> int:
        return min(int(value), LARGEST_ID)

    def to_string(self, value: int) -> str:
        return str(value)


def install() -> None:
    """Make `:id` known to the router."""
    register_url_convertor("id", IdConvertor())
