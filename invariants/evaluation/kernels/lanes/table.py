"""The tables of instructions of a lane program: operations and columns, for what writes them and the loop that reads.

>>> OPERATIONS[INPUT]
'input'
"""

import numpy as np

from .....simd import lanes

#: The number of float64 in a vector.
WIDTH = lanes(np.float64)

OPERATIONS = (
    "input",
    "diagonal",
    "hadamard",
    "hadamard_transposed",
    "rows",
    "columns",
    "row_dots",
    "row_dots_transposed",
    "apply",
    "apply_transposed",
    "scale_rows",
    "scale_columns",
    "product",
    "product_transposed",
    "transposed_product",
    "multiply",
    # of a gradient
    "zeros",
    "add",
    "add_diagonal",
    "write",
)
(
    INPUT,
    DIAGONAL,
    HADAMARD,
    HADAMARD_TRANSPOSED,
    ROWS,
    COLUMNS,
    ROW_DOTS,
    ROW_DOTS_TRANSPOSED,
    APPLY,
    APPLY_TRANSPOSED,
    SCALE_ROWS,
    SCALE_COLUMNS,
    PRODUCT,
    PRODUCT_TRANSPOSED,
    TRANSPOSED_PRODUCT,
    MULTIPLY,
    ZEROS,
    ADD,
    ADD_DIAGONAL,
    WRITE,
) = range(len(OPERATIONS))

TOGETHER = 4  # products with one vector or one matrix that are done at once

# Of an instruction: the operation, the places of its result and operands (of an input, the number of the matrix), the
# lengths of the result's axes and of the index that is summed over, and the places of three more vectors that the
# matrix is applied to, and of their results.
OPERATION, RESULT, LEFT, RIGHT, RESULT_ROWS, RESULT_COLUMNS, SUMMED = range(7)
MORE_RIGHT, MORE_RESULTS, INSTRUCTION = SUMMED + 1, SUMMED + TOGETHER, SUMMED + 2 * TOGETHER - 1

# Of what adds an entrywise product: the steps of the operands from row to row and from column to column of the result.
LEFT_BY_ROW, LEFT_BY_COLUMN, RIGHT_BY_ROW, RIGHT_BY_COLUMN = range(SUMMED, SUMMED + 4)

# Of a group of dots: the length, the places of the vector that they share, of the others, and of the results.
LENGTH, SHARED, OTHERS = range(3)
DOTS, GROUP = OTHERS + TOGETHER, OTHERS + 2 * TOGETHER

# Of a product of scalars: the places of the result and of its factors.
PRODUCT_RESULT, FIRST_FACTOR, SECOND_FACTOR, SCALARS = range(4)

# Of the derivative of such a product: the places of the factors, and of the derivatives by the result and by them.
FACTORS, DERIVATIVE, DERIVATIVES, DERIVED = 0, 2, 3, 5

# Of a combination of vectors: the place of the result, its length, and where its terms begin and end; of a term the
# places of the coefficient and of the vector.
COMBINATION, COMBINATION_LENGTH, FIRST_TERM, LAST_TERM, COMBINED = range(5)
COEFFICIENT, VECTOR, TERM = range(3)
