"""Why a strip cannot be cleaned as it is, in the artist's words. A branch of the host half's tree of errors."""

from __future__ import annotations

from .plugin_host.errors import HostError


class UnsupportedStrip(HostError):
    """The strip that was chosen cannot be cleaned, or not as it stands."""


class UnusableMatte(HostError):
    """The matte that was chosen cannot be used for this strip."""


class CannotPlaceResult(HostError):
    """The result has nowhere to go: no folder, or no free channel."""


class RenderFailed(HostError):
    """Plates or mattes could not be rendered."""
