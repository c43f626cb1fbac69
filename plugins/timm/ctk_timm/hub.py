"""Files of the Hugging Face hub, asked for without minutes of retries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError

from ctk.errors import CtkError

PATIENCE = 5.0
"""Seconds in which the hub has to answer. Its library tries for most of a minute before it gives up."""


@dataclass(frozen=True)
class HubFile:
    """A file of a repository on the hub: ``HubFile("timm/resnet18.a1_in1k", "model.safetensors")``."""

    repository: str
    name: str

    def cached(self) -> Path | None:
        """Return where the file lies in the hub's own cache, or None."""
        found = try_to_load_from_cache(self.repository, self.name)
        return Path(found) if isinstance(found, str) else None

    def require(self, what: str, help: str) -> None:
        """Ask the hub once whether it can be reached. Raises CtkError, naming ``what`` is wanted, where it cannot.

        A repository that keeps its weights under another name is reached all the same.
        """
        try:
            get_hf_file_metadata(hf_hub_url(self.repository, self.name), timeout=PATIENCE)
        except EntryNotFoundError:
            return
        except Exception as error:  # the hub's, or its HTTP library's, which is another in each version
            raise not_fetched(what, error, help) from error


def not_fetched(what: str, error: BaseException, help: str) -> CtkError:
    """Make the error of what the hub did not give."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return CtkError(f"{what} cannot be fetched from the hub ({first[:200].rstrip('.')}).", help)
