"""The version of tfinpaint, for modules that must not import the package's __init__."""

import os
import subprocess
from typing import Optional

__version__ = "0.1.0"


def commit() -> Optional[str]:
    """The commit of the checkout that this code runs from; None for an installed package.

    It ends in "-dirty" if files were changed since.
    """
    git = ["git", "-C", os.path.dirname(os.path.abspath(__file__))]
    try:
        for command in (
            ["ls-files", "--error-unmatch", os.path.basename(__file__)],
            ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        ):
            answer = subprocess.run(
                git + command, capture_output=True, text=True, timeout=20, check=True
            )
        return answer.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
