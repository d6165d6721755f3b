"""The second DAG's steps: a day's kept configs become proposals, tasks and instances."""

from dynosaur_etl.flows.fill.fill import fill
from dynosaur_etl.flows.fill.shards import fill_shard, plan_fill
from dynosaur_etl.flows.prepare.embed import embed, embed_part
from dynosaur_etl.flows.prepare.instance_parts import parts_of
from dynosaur_etl.flows.prepare.score import score, score_part, submit_scores
from dynosaur_etl.flows.propose.criticise import criticise, submit_criticism
from dynosaur_etl.flows.propose.propose import (
    ProposalBatch,
    plan_proposals,
    propose,
    propose_all,
    read_submission,
    report_proposals,
    submit_proposals,
)
from dynosaur_etl.flows.propose.validate import validate

__all__ = [
    "ProposalBatch",
    "criticise",
    "embed",
    "embed_part",
    "fill",
    "fill_shard",
    "parts_of",
    "plan_fill",
    "plan_proposals",
    "propose",
    "propose_all",
    "read_submission",
    "report_proposals",
    "score",
    "score_part",
    "submit_criticism",
    "submit_proposals",
    "submit_scores",
    "validate",
]
