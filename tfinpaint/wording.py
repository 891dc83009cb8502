"""Numbers and names in messages."""

import re

# what no terminal or UTF-8 file can hold: bytes of a name that are no UTF-8, and characters that
# control a terminal or turn the direction of what follows
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def counted(number: int, noun: str) -> str:
    """The number and what it counts.

    >>> counted(1, "photograph"), counted(1200, "photograph"), counted(2, "entry")
    ('1 photograph', '1200 photographs', '2 entries')
    """
    if number != 1:
        noun = noun[:-1] + "ies" if noun.endswith("ry") else noun + "s"
    return f"{number} {noun}"


def shown(name: str) -> str:
    """The name of a file as it can be shown: what is no character of UTF-8, or controls a terminal,
    is replaced.

    The name itself keeps its bytes (Python's surrogate escapes), for opening and writing the file.

    >>> shown("caf\\udce9.png"), shown("two\\nlines.png"), shown("a\\u202egnp.exe")
    ('caf\ufffd.png', 'two\ufffdlines.png', 'a\ufffdgnp.exe')
    """
    return _NOT_SHOWN.sub("\ufffd", name)


def shown_lines(text: str) -> str:
    """The same of a text, whose line ends stay."""
    return "\n".join(map(shown, text.split("\n")))
