"""Vectors as the files of the storage hold them."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def vector_matrix(table: pa.Table) -> NDArray[np.float16]:
    """Return the column `vector` of a file as float16 [n, d]."""
    column = table["vector"].combine_chunks()
    values: NDArray[np.float16] = column.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(table.num_rows, column.type.list_size)
