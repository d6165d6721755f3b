"""The second DAG's steps: a day's kept configs become proposals, tasks and instances."""

from dynosaur_etl.flows.criticise import criticise
from dynosaur_etl.flows.fill import embed, fill, score
from dynosaur_etl.flows.propose import ProposalBatch, plan_proposals, propose, propose_all
from dynosaur_etl.flows.validate import validate

__all__ = [
    "ProposalBatch",
    "criticise",
    "embed",
    "fill",
    "plan_proposals",
    "propose",
    "propose_all",
    "score",
    "validate",
]
