"""The version of tfinpaint, for whom the package's own face is too high up to import."""

import os
import subprocess
from typing import Optional

__version__ = "0.1.0"


def commit() -> Optional[str]:
    """The commit of the checkout that this code runs from, "-dirty" at its end where files were changed; None where it is installed."""
    folder = os.path.dirname(os.path.abspath(__file__))
    try:
        for command in (["ls-files", "--error-unmatch", os.path.basename(__file__)],
                        ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]):
            answer = subprocess.run(["git", "-C", folder, *command], capture_output=True, text=True, timeout=20, check=True).stdout.strip()
        return answer
    except (OSError, subprocess.SubprocessError):
        return None
