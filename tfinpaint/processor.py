"""The operating system's description of the processor.

described("flags", "Features")    # "fpu vme ...", of the first processor
"""

_CPUINFO = "/proc/cpuinfo"


def described(*names: str) -> str:
    """The value of the first line in /proc/cpuinfo with one of the names; "" if there is none."""
    try:
        with open(_CPUINFO, encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, words = line.partition(":")
                if name.strip() in names:
                    return words.strip()
    except OSError:
        pass
    return ""
