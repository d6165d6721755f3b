"""The kinds of files that the storage holds; each is a folder of it."""

from enum import StrEnum


class FileKind(StrEnum):
    """What a file is; the value is the name of its folder and stands in the table `files`.

    Scores and vectors have a folder for each version of their scorer or model below the kind's.
    """

    SAMPLES = "samples"
    INSTANCES = "instances"
    CONVERSATIONS = "conversations"
    SCORES = "scores"
    EMBEDDINGS = "embeddings"
    TASK_EMBEDDINGS = "task_embeddings"
    SELECTIONS = "selections"
    POOLS = "pools"
    GRAPHS = "graphs"
    SELECTION_PARTS = "parts"
    SOLVED_PARTS = "solved_parts"
    SNAPSHOT_PARTS = "snapshot_parts"
