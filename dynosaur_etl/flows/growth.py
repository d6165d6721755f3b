"""The second DAG's steps: a day's kept configs become proposals, tasks and instances."""

from dynosaur_etl.flows.embed import embed, embed_part
from dynosaur_etl.flows.fill import fill
from dynosaur_etl.flows.instance_parts import parts_of
from dynosaur_etl.flows.propose import ProposalBatch, plan_proposals, propose, propose_all
from dynosaur_etl.flows.score import score, score_part
from dynosaur_etl.flows.validate import validate

__all__ = [
    "ProposalBatch",
    "embed",
    "embed_part",
    "fill",
    "parts_of",
    "plan_proposals",
    "propose",
    "propose_all",
    "score",
    "score_part",
    "validate",
]
