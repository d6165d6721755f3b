"""The vectors that the settings choose: how their files are named, and what a version records."""

from dataclasses import dataclass

from dynosaur_etl.flows.runtime.scorers import versioned_kind
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.kinds import FileKind


@dataclass(frozen=True)
class EmbeddingFacts:
    """What a snapshot records of its vectors.

    Attributes:
        model: name of the embedder, of `version`.
        text: of an instance, that is embedded.
        precision: in which the model computes.
    """

    model: str
    version: str
    text: str
    precision: str


def embedding_kind(services: Services) -> str:
    """Name the files of the vectors in force; another model, text or precision has another."""
    embedder, settings = services.embedder, services.settings
    return versioned_kind(
        FileKind.EMBEDDINGS,
        embedder.name,
        embedder.version,
        settings.embedded_text,
        settings.embedding_precision,
    )


def task_vector_kind(services: Services) -> str:
    """Name the files of the tasks' vectors, by which repeats are found where the pool is read."""
    embedder, precision = services.embedder, services.settings.embedding_precision
    return versioned_kind(FileKind.TASK_EMBEDDINGS, embedder.name, embedder.version, precision)


def embedding_facts(services: Services) -> EmbeddingFacts:
    """Return what a snapshot records of its vectors."""
    return EmbeddingFacts(
        model=services.embedder.name,
        version=services.embedder.version,
        text=services.settings.embedded_text,
        precision=services.embedder.precision,
    )
