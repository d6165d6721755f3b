"""Vectors as the files of the storage hold them."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dynosaur_etl.domain.schemas import ERROR


def vector_matrix(table: pa.Table) -> NDArray[np.float16]:
    """Return the column `vector` of a file as float16 [n, d]."""
    column = table["vector"].combine_chunks()
    values: NDArray[np.float16] = column.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(table.num_rows, column.type.list_size)


def is_embedded(vectors: pa.Table) -> pa.ChunkedArray:
    """Return of each row of a file of vectors whether it has one; the others are zero."""
    if ERROR in vectors.column_names:
        return vectors[ERROR].is_null()
    return pa.chunked_array([pa.array([True] * vectors.num_rows, pa.bool_())])
