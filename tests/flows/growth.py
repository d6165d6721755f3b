"""The steps by which a day grows, as tests call them one by one."""

from dynosaur_etl.flows.fill.fill import fill
from dynosaur_etl.flows.fill.shards import fill_shard, plan_fill
from dynosaur_etl.flows.prepare.embed import embed, embed_part
from dynosaur_etl.flows.prepare.instance_parts import parts_of
from dynosaur_etl.flows.prepare.score import score, score_part, submit_scores
from dynosaur_etl.flows.propose.criticise import criticise, submit_criticism
from dynosaur_etl.flows.propose.propose import (
    plan_proposals,
    propose,
    propose_all,
    report_proposals,
    submit_proposals,
)
from dynosaur_etl.flows.propose.validate import validate

__all__ = [
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
    "report_proposals",
    "score",
    "score_part",
    "submit_criticism",
    "submit_proposals",
    "submit_scores",
    "validate",
]
