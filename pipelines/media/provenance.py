"""What an edited video says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Provenance:
    """Who changed a video and how; written into its metadata so that it can be told as edited."""

    tool: str
    version: str
    model: str
    edits: tuple[str, ...] = ()
    """As given on the command line, such as ``smile=2``."""

    @property
    def statement(self) -> str:
        """One sentence for people."""
        edits = ", ".join(self.edits) or "none, inversion only"
        return (
            f"The face in this video was edited with AI by {self.tool} {self.version} "
            f"(model: {self.model}; edits: {edits})."
        )

    def tags(self, source: Mapping[str, str]) -> dict[str, str]:
        """The metadata to write; comments that the source already has are kept before ours."""
        tags = {"encoded_by": f"{self.tool} {self.version}"}
        for name in ("comment", "description"):
            kept = source.get(name, "")
            tags[name] = f"{kept} {self.statement}" if kept else self.statement
        return tags
