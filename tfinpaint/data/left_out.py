"""What the log says of files that cannot be read and are left out, one by one.

A data set may have thousands of them. The first few are named in warnings. Further ones are named
at verbosity 1, and only their number is warned of: at 10, 100, 1000 and so on.
"""

import logging

NAMED = 3  # how many files are named in warnings
_log = logging.getLogger("tfinpaint")


def tell(kind: str, number: int, count: int, total: int, reason: str, place: str = "") -> None:
    """Logs that one more file is left out.

    Args:
        kind: what was left out, "photograph" or "mask".
        number: how many were left out since warnings began, with this one.
        count: how many were left out so far, with this one; at least `number`.
        total: how many there are.
        reason: the file, and why it cannot be read.
        place: the argument that names the data set, for messages; "" if the reason says it.
    """
    place = f"{place}: " if place else ""
    _log.log(
        logging.WARNING if number <= NAMED else logging.DEBUG,
        "%s%s left out (%d of %d so far): %s%s",
        place,
        kind,
        count,
        total,
        reason,
        " (`verbosity=1` names further ones)" if number == NAMED else "",
    )
    if number > NAMED and str(count).strip("0") == "1":  # 10, 100, 1000
        _log.warning("%s%d of %d %ss left out so far", place, count, total, kind)
