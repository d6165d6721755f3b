"""The products that one DAG makes and the next waits for; the partition key is the growth day."""

from airflow.sdk import Asset

HUB_REVISIONS = Asset(name="hub_revisions", uri="dynosaur://hub_revisions")
INSTRUCTION_TASKS = Asset(name="instruction_tasks", uri="dynosaur://instruction_tasks")
TRAINING_SET = Asset(name="training_set", uri="dynosaur://training_set")
