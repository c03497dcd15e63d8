"""Files that the settings name, found beside the settings file unless their path is absolute."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationInfo

MAX_BYTES = 8 * 1024 * 1024


def named_file(name: object, info: ValidationInfo) -> bytes:
    """The content of a file; raises ValueError, whose text repeats neither content nor path: it could be a secret."""
    if not isinstance(name, str) or not name:
        raise ValueError("must be the path of a file")
    folder: Path = (info.context or {}).get("folder", Path())
    try:
        with (folder / name).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its path is not well formed"
        raise ValueError(f"the file cannot be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"the file has more than {MAX_BYTES} bytes")
    return content
