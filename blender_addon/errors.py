"""The reasons why a strip cannot be cleaned, as shown to the artist. Subclasses of plugin_host's `HostError`."""

from __future__ import annotations

from .plugin_host.errors import HostError


class UnsupportedStrip(HostError):
    """The selected strip cannot be cleaned, or not in its present state."""


class UnusableMatte(HostError):
    """The selected matte cannot be used for this strip."""


class CannotPlaceResult(HostError):
    """There is no folder for the result, or no free channel."""


class RenderFailed(HostError):
    """Blender could not render the plates or mattes."""
