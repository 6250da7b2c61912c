"""The file that a response's body is saved to: its name, its opening and closing."""

import re
from email.message import Message
from email.utils import collapse_rfc2231_value
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from http_settings import RequestError

#: Longer names are cut: file systems take 255 bytes, and the store adds its own parts.
MAX_NAME_BYTES = 200


class Download:
    """A file in the job's directory, open for writing until `close`."""

    def __init__(self, headers: Message, url: str, filename: str) -> None:
        self.filename = choose_filename(headers, url, filename)
        try:
            self.file: BinaryIO = Path(self.filename).open("wb")  # noqa: SIM115 - see `close`
        except OSError as error:
            raise RequestError(f"Failed to write file: {error.strerror}") from None
        self.is_complete = False

    def close(self) -> None:
        """The body is complete: what is still in memory goes to disk."""
        try:
            self.file.close()
        except OSError as error:
            raise RequestError(f"Failed to write file: {error.strerror}") from None
        self.is_complete = True

    def attachment(self) -> list[dict[str, str]]:
        """The job's `files`: nothing if the body has not arrived as a whole."""
        # With a filename the path is literal; alone it would be a glob.
        entry = {"path": self.filename, "filename": self.filename}
        return [entry] if self.is_complete else []


def choose_filename(headers: Message, url: str, filename: str) -> str:
    """What the server calls it, else `filename`, else the last part of the URL's path."""
    name = _safe(_from_disposition(headers) or filename or unquote(urlsplit(url).path))
    if re.search(r"\.\w+$", name):
        return name
    subtype = headers.get_content_subtype() if headers.get("Content-Type") else "bin"
    return f"{name}.{subtype}" if re.fullmatch(r"\w{1,20}", subtype) else f"{name}.bin"


def _from_disposition(headers: Message) -> str:
    value = headers.get_param("filename", "", header="Content-Disposition")
    if isinstance(value, tuple):
        return collapse_rfc2231_value(value)
    try:
        return str(value).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return str(value)


def _safe(name: str) -> str:
    """A plain file name: no directories, no control characters, of a bounded length."""
    base = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    base = re.sub(r"[\x00-\x1f\x7f]", "", base).strip()
    if base in ("", ".", ".."):
        return "download"
    extension = match[0] if (match := re.search(r"\.[A-Za-z0-9]{1,20}$", base)) else ""
    stem = base.removesuffix(extension).encode("utf-8", "replace")
    return stem[: MAX_NAME_BYTES - len(extension)].decode("utf-8", "ignore") + extension
