"""The tables of instructions of a lane program: operations and columns, for what writes them and the loop that reads.

>>> OPERATIONS[INPUT]
'input'
"""

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
) = range(len(OPERATIONS))

TOGETHER = 4  # products with one vector or one matrix that are done at once

# Of an instruction: the operation, the places of its result and operands (of an input, the number of the matrix), the
# lengths of the result's axes and of the index that is summed over, and the places of three more vectors that the
# matrix is applied to, and of their results.
OPERATION, RESULT, LEFT, RIGHT, RESULT_ROWS, RESULT_COLUMNS, SUMMED = range(7)
MORE_RIGHT, MORE_RESULTS, INSTRUCTION = SUMMED + 1, SUMMED + TOGETHER, SUMMED + 2 * TOGETHER - 1

# Of a group of dots: the length, the places of the vector that they share, of the others, and of the results.
LENGTH, SHARED, OTHERS = range(3)
DOTS, GROUP = OTHERS + TOGETHER, OTHERS + 2 * TOGETHER

# Of a product of scalars: the places of the result and of its factors.
PRODUCT_RESULT, FIRST_FACTOR, SECOND_FACTOR, SCALARS = range(4)
