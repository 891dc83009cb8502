"""Numbers and names in messages."""

import re

# characters that a terminal or a UTF-8 file should not get: surrogates (bytes of a name that are no
# UTF-8), control characters, and characters that change the direction of the text after them
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
    """The name of a file for display.

    Characters that are not valid UTF-8, or that control a terminal, are replaced by U+FFFD.
    To open or write the file, use the name itself, which keeps its bytes (as Python's surrogate
    escapes).

    >>> shown("caf\\udce9.png"), shown("two\\nlines.png"), shown("a\\u202egnp.exe")
    ('caf\ufffd.png', 'two\ufffdlines.png', 'a\ufffdgnp.exe')
    """
    return _NOT_SHOWN.sub("\ufffd", name)


def without_password(text: str) -> str:
    """A URL, or a line with URLs in it, without their users and passwords.

    >>> without_password("http://me:secret@host:8501/v1/models/a@b cannot be reached")
    'http://host:8501/v1/models/a@b cannot be reached'
    >>> without_password("me:secret@proxy:3128")
    'proxy:3128'
    """
    return re.sub(r"(^|//)[^/\s]*@", r"\1", text)


def shown_lines(text: str) -> str:
    """`shown` for a text. Its line ends are kept."""
    return "\n".join(map(shown, text.split("\n")))
