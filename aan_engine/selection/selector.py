"""Selector: one target's hole from candidates to a fill plan, with the networks, on proxies.

Alignment and recurrence have proposed candidates (`candidates`); here the inpainter adds what its attention matches and
what its residual stage synthesises, the chooser scores every candidate at every pixel, and one masked softmax over the
candidates gives their weights (arXiv 1905.13066, Eq. 4). No plate is read: a plan consists of weights and coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from aan_engine.candidates.builders import synthesised
from aan_engine.candidates.candidate import Candidate, HoleRegion, Kind, hole_region
from aan_engine.candidates.generators import (
    ALL_KINDS,
    EnabledKinds,
    PreviousSources,
    from_previous,
    generate,
    registered_references,
)
from aan_engine.colour.exposure import PixelPairs
from aan_engine.core.types import Array
from aan_engine.motion.shot_motion import ShotMotion, pixel_pairs
from aan_engine.network.bundle import Networks
from aan_engine.network.chooser import suppress_faint_synthesis
from aan_engine.network.inpainter import RecurrentState, ReferenceSet
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.plates.source_policy import ALL_SOURCES, SourcePolicy
from aan_engine.registration.proxy_images import ProxyImages
from aan_engine.registration.shot_registration import ShotRegistration
from aan_engine.selection.chooser_weights import chooser_weights
from aan_engine.selection.feature_cache import FeatureCache
from aan_engine.selection.light_match import NO_LIGHT_CHANGE, LightMatch, apply_light, match_light
from aan_engine.selection.plan import (
    CandidateSet,
    FillPlan,
    InpainterInput,
    TargetCandidates,
    WithSynthesis,
    agreement_and_consensus,
    balance_directions,
)
from aan_engine.selection.poisson import poisson_correction
from aan_engine.selection.preference import prefer_artists_sources
from aan_engine.selection.temporal_prior import TemporalPrior
from aan_engine.selection.texture_fill import PlannedTarget, TextureFill


class Selector:
    """Plans the fills of one shot's targets, in order; keeps what the next target's recurrence needs.

    `prepare`, `synthesise` and `choose` are three stages that may run in three threads, one target behind the other;
    each must get its targets in order.

    Args:
        shot_motion: motion and alignment of the shot.
        features: the shot's encoded frames; made from the same networks.
        enabled: what is proposed.
        light, smoothing: see `shot.Controls`.
        targets: those of the shot; they are surveyed for what no frame shows.
        texture: whether that is filled with texture.
        seed: of the search for texture.
        progress: called while key frames are filled, with how many are done, and of how many.
    """

    def __init__(
        self,
        networks: Networks,
        shot_motion: ShotMotion,
        *,
        features: FeatureCache,
        enabled: EnabledKinds = ALL_KINDS,
        light: str = "local",
        smoothing: float = 0.0,
        targets: Sequence[int] = (),
        texture: bool = True,
        seed: int = 0,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self.shot_motion, self.features = shot_motion, features
        self._networks, self._enabled = networks, enabled
        self._light, self._smoothing = light, smoothing
        self._previous: PreviousSources | None = None
        self._prior: TemporalPrior | None = None
        self._state: tuple[int, RecurrentState] | None = None
        self._texture: TextureFill | None = None
        if targets and Kind.ATTENTION in enabled.kinds:
            self._texture = TextureFill(
                shot_motion,
                targets=targets,
                fills=texture,
                plan_alone=self._plan_alone,
                device=networks.device,
                seed=seed,
                progress=progress,
            )

    def close(self) -> None:
        """Lets go of the shot."""
        self.shot_motion.close()

    def is_key(self, index: int) -> bool:
        """Whether what no frame shows is made up on a target; to be asked once its plan is made."""
        return self._texture is not None and self._texture.is_key(index)

    def decide(self, index: int) -> FillPlan | None:
        """All stages for target `index`; None where nothing is hidden."""
        return self.choose(self.synthesise(self.prepare(index)))

    def prepare(self, index: int) -> TargetCandidates | None:
        """The candidates of target `index` that need neither a network nor the previous target; None without a hole."""
        if self._texture is not None:
            self._texture.prepare(index)
        return self._prepared(index)

    def _prepared(self, index: int) -> TargetCandidates | None:
        proxies = self.shot_motion.proxies
        hole = hole_region(index, proxies.hidden(index), unusable=proxies.unusable(index))
        if hole is None:
            return None
        registrations = registered_references(self.shot_motion, hole, count=self._enabled.references)
        candidates = generate(self.shot_motion, hole, registrations=registrations, kinds=self._enabled.kinds)
        motion = self.shot_motion.motion(index, index - 1) if index else None
        to_previous = None if motion is None else motion.surround_displacement
        return TargetCandidates(hole, registrations, candidates, to_previous)

    @torch.no_grad()
    def synthesise(self, prepared: TargetCandidates | None) -> WithSynthesis | None:
        """The same with the inpainter's output; None without a hole, after which the recurrence begins anew."""
        if prepared is None:
            self._state = None
            return None
        index = prepared.hole.index
        state = self._state_along(index, prepared.to_previous)
        synthesised = self._inpaint(prepared, state)
        self._state = (index, synthesised.inpainted.state) if Kind.PREVIOUS in self._enabled.kinds else None
        return synthesised

    @torch.no_grad()
    def _inpaint(self, prepared: TargetCandidates, state: RecurrentState | None) -> WithSynthesis:
        inputs = self._inpainter_input(prepared, state)
        inpainted = self._networks.inpainter.step(
            inputs.image, inputs.visible, references=inputs.references, state=inputs.state, cells=inputs.cells
        )
        h, w = self.shot_motion.proxies.size
        image = inpainted.image[0, :, :h, :w].permute(1, 2, 0).cpu().numpy()
        return WithSynthesis(prepared, inputs, np.ascontiguousarray(image), inpainted)

    def choose(self, synthesised: WithSynthesis | None) -> FillPlan | None:
        """The plan of a target; None without a hole, after which the recurrence begins anew."""
        found = self.collect(synthesised)
        if found is None or synthesised is None:
            return None
        plan = self.make_plan(found, weights=self.weights(found))
        if self._texture is None or not self._texture.fills:
            return plan
        return replace(plan, texture=self._texture.texture(_planned(plan, synthesised)))

    def _plan_alone(self, index: int) -> PlannedTarget | None:
        """A key frame's plan, without the targets before it."""
        prepared = self._prepared(index)
        if prepared is None:
            return None
        synthesised = self._inpaint(prepared, None)
        found = self._collected(synthesised, None)
        return _planned(self._plan(found, weights=self._chosen(found)), synthesised)

    def candidates(self, index: int) -> CandidateSet | None:
        """All candidates of target `index`, before they are weighed; None without a hole."""
        return self.collect(self.synthesise(self.prepare(index)))

    def collect(self, target: WithSynthesis | None) -> CandidateSet | None:
        """All candidates of a target: to those prepared come recurrence, attention and the synthesis.

        Candidates that show nothing of the hole are dropped; the others are brought into the target's light.
        """
        if target is None:
            self._previous = self._prior = None
            return None
        return self._collected(target, self._previous)

    def _collected(self, target: WithSynthesis, previous: PreviousSources | None) -> CandidateSet:
        hole, kinds = target.prepared.hole, self._enabled.kinds
        candidates = list(target.prepared.candidates)
        if Kind.PREVIOUS in kinds and previous is not None and previous.index == hole.index - 1:
            candidates.append(from_previous(self.shot_motion, hole, previous))
        candidates = [c for c in candidates if (c.valid & hole.hidden).any()]
        light = self._match_light(hole, candidates)
        candidates = [apply_light(c, light) for c in candidates]
        candidates.append(synthesised(_over_box(target.image, hole), hole))
        return CandidateSet(hole, candidates, target.inputs, light)

    @torch.no_grad()
    def weights(self, found: CandidateSet) -> Array:
        """(K, h, w) weights of the candidates over the box, summing to 1.

        The chooser's softmax, less faint synthesis, balanced between the directions of time, leaning on the previous
        target as far as the artist wants, and towards the artist's own sources.
        """
        return self._preferred(found, self._smoothed(found, self._balanced(found)))

    def _chosen(self, found: CandidateSet) -> Array:
        """The same without leaning on the previous target."""
        return self._preferred(found, self._balanced(found))

    @torch.no_grad()
    def _balanced(self, found: CandidateSet) -> Array:
        hole, candidates = found.hole, found.candidates
        chosen = suppress_faint_synthesis(
            chooser_weights(self._networks, hole, candidates, image=self.shot_motion.images.image(hole.index))
        )
        h, w = hole.hidden.shape
        return balance_directions(candidates, chosen[0, :, :h, :w].cpu().numpy())

    def _preferred(self, found: CandidateSet, weights: Array) -> Array:
        policy, count = self.shot_motion.policy, self.shot_motion.proxies.count
        return prefer_artists_sources(policy, found.candidates, weights=weights, count=count)

    def remember(self, found: CandidateSet, *, weights: Array) -> None:
        """Keeps what the next target takes from this one: the sources by (K, h, w) weights, and the weights."""
        hole, candidates, size = found.hole, found.candidates, self.shot_motion.proxies.size
        self._previous = PreviousSources.of(hole, candidates, weights=weights, size=size)
        if self._smoothing:
            self._prior = TemporalPrior.of(hole, candidates, weights=weights, size=size)

    def make_plan(self, found: CandidateSet, *, weights: Array) -> FillPlan:
        """The plan by (K, h, w) weights of the candidates, which are remembered for the next target."""
        self.remember(found, weights=weights)
        return self._plan(found, weights=weights)

    def _plan(self, found: CandidateSet, *, weights: Array) -> FillPlan:
        hole, candidates, region = found.hole, found.candidates, found.hole.region
        target = _over_box(self.shot_motion.images.image(hole.index), hole)
        images = np.stack([c.image for c in candidates])
        correction = np.zeros_like(target)
        if self._light == "local":
            correction = poisson_correction(target, hole.hidden, images=images, weights=weights * ~hole.unusable)
        agreement, consensus = (np.zeros(region.shape, np.float32) for _ in range(2))
        agreement[region], consensus[region] = agreement_and_consensus(images[:, region], weights[:, region])
        return FillPlan(hole, candidates, weights, correction, agreement, consensus, found.light)

    def _match_light(self, hole: HoleRegion, candidates: list[Candidate]) -> LightMatch:
        if self._light == "off":
            return NO_LIGHT_CHANGE
        target = _over_box(self.shot_motion.images.image(hole.index), hole)

        def aligned_pairs(frame: int) -> PixelPairs | None:
            return pixel_pairs(self.shot_motion, hole.index, frame)

        return match_light(target, hole, candidates, local=self._light == "local", aligned_pairs=aligned_pairs)

    def _smoothed(self, found: CandidateSet, weights: Array) -> Array:
        """The weights (K, h, w), leaning on those of the previous target where there is one and the artist wants it."""
        hole, prior = found.hole, self._prior
        if prior is None or prior.index != hole.index - 1:
            return weights
        motion = self.shot_motion.motion(hole.index, prior.index)
        if motion is None:
            return weights
        return prior.smoothed(
            hole,
            found.candidates,
            weights=weights,
            to_previous=motion.surround_displacement,
            smoothing=self._smoothing,
        )

    @torch.no_grad()
    def _inpainter_input(self, prepared: TargetCandidates, state: RecurrentState | None) -> InpainterInput:
        index, registrations = prepared.hole.index, prepared.registrations
        device = self._networks.device
        image, visible = self.features.padded(index)
        own_cells, own_visible = self.features.for_inpainter(index)
        cells, shown, H = own_cells[:0], own_visible[:0], torch.zeros(0, 3, 3, device=device)
        if registrations:
            encoded = [self.features.for_inpainter(frame) for frame in registrations]
            cells, shown = (torch.cat(parts) for parts in zip(*encoded, strict=True))
            H = torch.stack([torch.from_numpy(r.homography.matrix).float() for r in registrations.values()]).to(device)
        return InpainterInput(image, visible, ReferenceSet(cells, shown, H), state, own_cells)

    def _state_along(self, index: int, to_previous: Array | None) -> RecurrentState | None:
        """The recurrence's state, warped along the measured motion into target `index`; None where there is none."""
        if self._state is None or self._state[0] != index - 1 or to_previous is None:
            return None
        state, (h, w) = self._state[1], to_previous.shape[:2]
        rows, columns = state.previous.shape[-2:]
        flow = torch.from_numpy(to_previous).permute(2, 0, 1)[None].to(self._networks.device)
        return state.along(F.pad(flow, (0, columns - w, 0, rows - h), mode="replicate"))


def build(
    networks: Networks,
    proxies: ProxyStore,
    *,
    policy: SourcePolicy = ALL_SOURCES,
    enabled: EnabledKinds = ALL_KINDS,
    light: str = "local",
    smoothing: float = 0.0,
    targets: Sequence[int] = (),
    texture: bool = True,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
    key_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Selector:
    """A selector for the shot of these proxies, with the learned homographies as starts for registration.

    Whoever takes it closes it.

    Args:
        progress: see `ShotRegistration`.
        key_progress: see `Selector`, as are the others.
    """
    images = ProxyImages(proxies, policy=policy)
    features = FeatureCache(networks, images, proxies=proxies)
    registration = ShotRegistration(
        images, count=proxies.count, estimator=features.learned_homography, progress=progress
    )
    shot_motion = ShotMotion(proxies, policy=policy, images=images, registration=registration)
    return Selector(
        networks,
        shot_motion,
        features=features,
        enabled=enabled,
        light=light,
        smoothing=smoothing,
        targets=targets,
        texture=texture,
        seed=seed,
        progress=key_progress,
    )


def _planned(plan: FillPlan, synthesised: WithSynthesis) -> PlannedTarget:
    return PlannedTarget(plan, synthesised.image, tuple(synthesised.prepared.registrations))


def _over_box(image: Array, hole: HoleRegion) -> Array:
    """The part of a whole proxy (H, W, ...) that the region's box covers, (h, w, ...)."""
    return np.ascontiguousarray(image[hole.box.slices])
