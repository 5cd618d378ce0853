"""The decider: the whole network at work on one target, on proxies: which candidate shows each hidden pixel.

Alignment and recurrence have proposed (`proposals`); here the inpainter adds what attention finds and what the
residual pathway paints, the chooser scores all of it, and one masked softmax disposes (arXiv 1905.13066, Eq. 4). No
plate is touched: what comes out are weights and coordinates.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aan_engine.candidates.builders import synthesised
from aan_engine.candidates.candidate import Candidate, HoleRegion, Kind, hole_region
from aan_engine.candidates.generators import (
    ALL_KINDS,
    CELL,
    EnabledKinds,
    PreviousSources,
    from_attention,
    from_previous,
    generate,
    registered_references,
)
from aan_engine.colour.exposure import PixelPairs
from aan_engine.core import projective
from aan_engine.core.homography import Homography
from aan_engine.core.types import Array
from aan_engine.motion.shot_motion import ShotMotion, pixel_pairs
from aan_engine.network.bundle import Networks
from aan_engine.network.chooser import choose, features, suppress_faint_synthesis
from aan_engine.network.homography import SIDE
from aan_engine.network.inpainter import RecurrentState, ReferenceSet
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


class Selector:
    """Decides the targets of one shot, in order; holds what the recurrence remembers.

    Args:
        survey: the shot. Its learned estimator is this room's `guess`.
        pathways: those that take part.
        light, smoothing: see `shot.Controls`.
    """

    def __init__(
        self,
        networks: Networks,
        shot_motion: ShotMotion,
        *,
        pathways: EnabledKinds = ALL_KINDS,
        light: str = "local",
        smoothing: float = 0.0,
    ) -> None:
        self._networks = networks
        self._light, self._smoothing = light, smoothing
        self._pathways = pathways
        self._shot_motion = shot_motion
        self._features_of = FeatureCache(networks, shot_motion)
        self._previous: PreviousSources | None = None
        self._prior: TemporalPrior | None = None
        self._state: tuple[int, RecurrentState] | None = None

    @torch.inference_mode()
    def learned_homography(self, target: int, reference: int) -> Homography:
        """The learned homography on the proxies, target -> reference (arXiv 1905.13066, section 3.1)."""
        estimate = self._networks.estimator.match(*(self._features_of.for_estimator(i) for i in (target, reference)))
        h, w = self._shot_motion.proxies.size
        H = projective.rescale(estimate.homography.double(), before=(SIDE, SIDE), after=(h, w))
        return Homography(H[0].cpu().numpy())

    def decide(self, index: int) -> FillPlan | None:
        """The decision for frame `index`; None where nothing is hidden."""
        return self.choose(self.synthesise(self.prepare(index)))

    def prepare(self, index: int) -> TargetCandidates | None:
        """What needs neither network nor past, for frame `index`; None where nothing is hidden."""
        proxies = self._shot_motion.proxies
        hole = hole_region(index, proxies.hidden(index), unusable=proxies.unusable(index))
        if hole is None:
            return None
        links = registered_references(self._shot_motion, hole, count=self._pathways.references)
        candidates = generate(self._shot_motion, hole, links=links, kinds=self._pathways.kinds)
        back = self._shot_motion.motion(index, index - 1) if index else None
        return TargetCandidates(hole, links, candidates, None if back is None else back.surround_displacement)

    @torch.no_grad()
    def synthesise(self, prepared: TargetCandidates | None) -> WithSynthesis | None:
        """What the inpainter makes of what was prepared; frames are sketched in order."""
        if prepared is None:
            self._state = None
            return None
        index = prepared.hole.index
        brief = self._brief(prepared)
        painted_frame = self._networks.inpainter.step(
            brief.image, brief.visible, references=brief.references, state=brief.state, cells=brief.cells
        )
        self._state = (index, painted_frame.state) if Kind.PREVIOUS in self._pathways.kinds else None
        h, w = self._shot_motion.proxies.size
        picture = painted_frame.image[0, :, :h, :w].permute(1, 2, 0).cpu().numpy()
        return WithSynthesis(prepared, brief, np.ascontiguousarray(picture), painted_frame)

    def choose(self, sketched: WithSynthesis | None) -> FillPlan | None:
        """The decision for what was prepared and sketched; frames are concluded in order."""
        proposed = self.collect(sketched)
        return None if proposed is None else self.make_plan(proposed, self.weights(proposed))

    def proposals(self, index: int) -> CandidateSet | None:
        """Every pathway's candidates for frame `index`; None where nothing is hidden."""
        return self.collect(self.synthesise(self.prepare(index)))

    def collect(self, sketched: WithSynthesis | None) -> CandidateSet | None:
        """What was prepared together with what recurrence, refinement and the residual pathway propose."""
        if sketched is None:
            self._previous = self._prior = None
            return None
        hole, links, kinds = sketched.prepared.hole, sketched.prepared.links, self._pathways.kinds
        candidates = list(sketched.prepared.candidates)
        if Kind.PREVIOUS in kinds and self._previous is not None and self._previous.index == hole.index - 1:
            candidates.append(from_previous(self._shot_motion, hole, self._previous))
        if links and Kind.ATTENTION in kinds:
            candidates.append(self._attended(sketched))
        candidates = [c for c in candidates if (c.valid & hole.hidden).any()]
        light = self._lighting(hole, candidates)
        candidates = [apply_light(c, light) for c in candidates]
        candidates.append(synthesised(_box(sketched.image, hole), hole))
        return CandidateSet(hole, candidates, sketched.inputs, light)

    def _lighting(self, hole: HoleRegion, candidates: list[Candidate]) -> LightMatch:
        """What light did between the target and the candidates' plates."""
        if self._light == "off":
            return NO_LIGHT_CHANGE
        target = _box(self._shot_motion.images.image(hole.index), hole)

        def whole(frame: int) -> PixelPairs | None:
            return pixel_pairs(self._shot_motion, hole.index, frame)

        return match_light(target, hole, candidates, local=self._light == "local", whole=whole)

    def remember(self, proposed: CandidateSet, shares: Array) -> None:
        """The answer by these weights is what the next frame's recurrence carries along, and what it leans on."""
        hole, candidates, size = proposed.hole, proposed.candidates, self._shot_motion.proxies.size
        self._previous = PreviousSources.of(hole, candidates, shares, size=size)
        if self._smoothing:
            self._prior = TemporalPrior.of(hole, candidates, shares, size=size)

    def make_plan(self, proposed: CandidateSet, shares: Array) -> FillPlan:
        """The decision by (K, h, w) weights of the candidates; it is remembered for the next frame's recurrence."""
        self.remember(proposed, shares)
        hole, candidates = proposed.hole, proposed.candidates
        target = _box(self._shot_motion.images.image(hole.index), hole)
        images = np.stack([c.image for c in candidates])
        mended = np.zeros_like(target)
        if self._light == "local":
            mended = poisson_correction(target, hole.hidden, images=images, weights=shares * ~hole.unusable)
        agreement, alone = (np.zeros(hole.wanted.shape, np.float32) for _ in range(2))
        agreement[hole.wanted], alone[hole.wanted] = agreement_and_consensus(
            images[:, hole.wanted], shares[:, hole.wanted]
        )
        return FillPlan(hole, candidates, shares, mended, agreement, alone, proposed.light)

    def _attended(self, sketched: WithSynthesis) -> Candidate:
        """What refinement proposes: the attention's best cells, as coordinates."""
        matches = sketched.painted.matches
        rows, columns = (-(-side // CELL) for side in self._shot_motion.proxies.size)
        cells = [m[0].reshape(rows, columns).cpu().numpy() for m in (matches.reference, matches.y, matches.x)]
        confidence = matches.weight[0].reshape(rows, columns).float().cpu().numpy()
        frames = np.append(np.array(list(sketched.prepared.links), np.int32), -1)[cells[0]]
        hole, template = sketched.prepared.hole, sketched.image
        return from_attention(
            self._shot_motion,
            hole,
            frames=frames,
            rows=cells[1],
            columns=cells[2],
            confidence=confidence,
            template=template,
        )

    @torch.no_grad()
    def weights(self, proposed: CandidateSet) -> Array:
        """(K, h, w) weights of the candidates, in the hole and on its rim."""
        device, hole, candidates = self._networks.device, proposed.hole, proposed.candidates

        def stacked(name: str) -> Tensor:
            planes = np.stack([getattr(c, name) for c in candidates]).astype(np.float32)
            tensor = torch.from_numpy(planes).to(device)
            return tensor.permute(0, 3, 1, 2)[None] if tensor.dim() == 4 else tensor[None, :, None]

        target = (
            torch.from_numpy(_box(self._shot_motion.images.image(hole.index), hole)).to(device).permute(2, 0, 1)[None]
        )
        hidden = torch.from_numpy(hole.hidden | hole.unusable).to(device).float()[None, None]
        h, w = hole.hidden.shape
        margin = (0, -w % CELL, 0, -h % CELL)
        given = {
            name: F.pad(stacked(name), margin)
            for name in ("image", "valid", "distance", "confidence", "independent_motion")
        }
        kind = torch.tensor([[int(c.kind) for c in candidates]], device=device)
        fine, coarse = features(F.pad(target, margin), F.pad(hidden, margin), kind=kind, **given)
        logits = self._networks.chooser(fine, coarse, valid=given["valid"], kind=kind)
        found = suppress_faint_synthesis(choose(logits, given["valid"][:, :, 0]))
        shares = self._steadied(proposed, balance_directions(candidates, found[0, :, :h, :w].cpu().numpy()))
        return prefer_artists_sources(
            self._shot_motion.policy, candidates, shares, count=self._shot_motion.proxies.count
        )

    def _steadied(self, proposed: CandidateSet, shares: Array) -> Array:
        """The weights, leaning on those of the frame before where the artist wants it."""
        hole, prior = proposed.hole, self._prior
        if prior is None or prior.index != hole.index - 1:
            return shares
        back = self._shot_motion.motion(hole.index, prior.index)
        if back is None:
            return shares
        return prior.steadied(
            hole, proposed.candidates, shares, back=back.surround_displacement, smoothing=self._smoothing
        )

    @torch.no_grad()
    def _brief(self, prepared: TargetCandidates) -> InpainterInput:
        index, links = prepared.hole.index, prepared.links
        device = self._networks.device
        homographies = [torch.from_numpy(link.homography.matrix).float() for link in links.values()]
        known = [self._features_of.for_inpainter(i) for i in links]
        image, visible = self._features_of.padded(index)
        own, shown = self._features_of.for_inpainter(index)
        cells = torch.cat([c for c, _ in known]) if known else own[:0]
        shows = torch.cat([v for _, v in known]) if known else shown[:0]
        H = torch.stack(homographies).to(device) if known else torch.zeros(0, 3, 3, device=device)
        return InpainterInput(image, visible, ReferenceSet(cells, shows, H), self._past(index, prepared.back), own)

    def _past(self, index: int, back: Array | None) -> RecurrentState | None:
        """The recurrence's memory, brought along the measured motion `back` into the frame before."""
        if self._state is None or self._state[0] != index - 1 or back is None:
            return None
        past, (h, w) = self._state[1], back.shape[:2]
        rows, columns = past.previous.shape[-2:]
        flow = torch.from_numpy(back).permute(2, 0, 1)[None].to(self._networks.device)
        flow = F.pad(flow, (0, columns - w, 0, rows - h), mode="replicate")
        return past.along(flow)


def _box(image: Array, hole: HoleRegion) -> Array:
    h, w = hole.hidden.shape
    return np.ascontiguousarray(image[hole.top : hole.top + h, hole.left : hole.left + w])
