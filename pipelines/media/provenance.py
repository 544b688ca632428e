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
    """Such as ``smile=2``; without names of people's files."""

    @property
    def statement(self) -> str:
        """One sentence for people."""
        edits = ", ".join(self.edits) or "none, inversion only"
        return (
            f"The face in this video was edited with AI by {self.tool} {self.version} "
            f"(model: {self.model}; edits: {edits})."
        )

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """Keywords and texts for a picture file, by the names that PNG gives them."""
        return (("Software", f"{self.tool} {self.version}"), ("Comment", self.statement))

    def added_to(self, tags: Mapping[str, str]) -> dict[str, str]:
        """A file's tags with this beside them; comments that it already has stay in front.

        Matroska writes names in capitals, so case does not count.
        """
        ours = {"comment": self.statement, "description": self.statement}
        for name, value in tags.items():
            if name.lower() in ours and value:
                ours[name.lower()] = f"{value} {self.statement}"
        ours["encoded_by"] = f"{self.tool} {self.version}"
        return {name: value for name, value in tags.items() if name.lower() not in ours} | ours
