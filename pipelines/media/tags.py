"""Metadata that describes the content, apart from what describes the file that holds it."""

from __future__ import annotations

from collections.abc import Mapping

# What a container or an encoder writes about itself; copied, it would be wrong.
_OWN_TAGS = {
    *("major_brand", "minor_version", "compatible_brands", "encoder"),
    *("duration", "rotate", "alpha_mode"),
}
_OWN_PREFIXES = ("_statistics", "bps", "number_of_", "duration-")


def own_tags_removed(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that describe the content, without those that describe the file."""
    return {
        name: value
        for name, value in tags.items()
        if name.lower() not in _OWN_TAGS and not name.lower().startswith(_OWN_PREFIXES)
    }
