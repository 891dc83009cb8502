"""Numbers in messages."""


def counted(number: int, noun: str) -> str:
    """The number and what it counts.

    >>> counted(1, "photograph"), counted(1200, "photograph")
    ('1 photograph', '1200 photographs')
    """
    return f"{number} {noun}" + ("" if number == 1 else "s")
