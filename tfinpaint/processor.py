"""What the system says of its processor.

described("flags", "Features")    # "fpu vme ...", of the first processor
"""

_CPUINFO = "/proc/cpuinfo"


def described(*names: str) -> str:
    """The first line of /proc/cpuinfo that has one of the names; "" where there is none."""
    try:
        with open(_CPUINFO, encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, words = line.partition(":")
                if name.strip() in names:
                    return words.strip()
    except OSError:
        pass
    return ""
