"""The second DAG's steps: a day's kept configs become proposals, tasks and instances."""

from dynosaur_etl.flows.criticise import criticise
from dynosaur_etl.flows.fill import embed, fill, score
from dynosaur_etl.flows.propose import ProposalBatch, plan_proposals, propose, propose_all
from dynosaur_etl.flows.shards import fill_shard, plan_fill
from dynosaur_etl.flows.validate import validate

__all__ = [
    "ProposalBatch",
    "criticise",
    "embed",
    "fill",
    "fill_shard",
    "plan_fill",
    "plan_proposals",
    "propose",
    "propose_all",
    "score",
    "validate",
]
