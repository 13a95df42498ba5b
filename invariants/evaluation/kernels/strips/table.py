"""The tables of instructions of a strip program: operations and columns, for what writes them and the loop that reads.

>>> OPERATIONS[PRODUCT]
'product'
"""

import numpy as np

from .....simd import lanes

#: The number of float64 in a vector.
WIDTH = lanes(np.float64)

OPERATIONS = (
    # of a pass
    "hadamard",
    "scale_rows",
    "scale_columns",
    "rows",
    "columns",
    "row_dots",
    "apply",
    "apply_transposed",
    # of a pass, of a gradient
    "zeros",
    "add",
    "add_hadamard",
    "add_scaled_rows",
    "add_outer",
    "add_diagonal",
    # between passes
    "pass",
    "merge",
    "product",
    "mirror",
    "transpose",
    "diagonal",
    "multiply",
    "add_multiplied",
)
(
    HADAMARD,
    SCALE_ROWS,
    SCALE_COLUMNS,
    ROWS,
    COLUMNS,
    ROW_DOTS,
    APPLY,
    APPLY_TRANSPOSED,
    ZEROS,
    ADD,
    ADD_HADAMARD,
    ADD_SCALED_ROWS,
    ADD_OUTER,
    ADD_DIAGONAL,
    PASS,
    MERGE,
    PRODUCT,
    MIRROR,
    TRANSPOSE,
    DIAGONAL,
    MULTIPLY,
    ADD_MULTIPLIED,
) = range(len(OPERATIONS))
#: What the parts of a matrix share.
DIVIDED = (PASS, PRODUCT, MIRROR, TRANSPOSE)

# An instruction is an operation and three operands of five columns each: where the operand lies, the steps from strip
# to strip, from block to block and from part to part, and the stride from row to row.
PLACE, BY_STRIP, BY_BLOCK, BY_PART, STRIDE, OPERAND = range(6)
OPERATION, RESULT = 0, 1
LEFT = RESULT + OPERAND
RIGHT = LEFT + OPERAND
INSTRUCTION = RIGHT + OPERAND

# Between passes an operand has a place and a stride; the other columns hold the extent of the result in strips and
# vectors (of vectors, the number of entries or of vectors), and of a product whether it is symmetric, the length of the
# sum, and where each part may copy what it reads.
STRIPS, VECTORS, SYMMETRIC, SUMMED = RESULT + BY_STRIP, RESULT + BY_BLOCK, RESULT + BY_PART, LEFT + BY_STRIP
COPIES, COPIES_BY_PART = RIGHT + BY_STRIP, RIGHT + BY_BLOCK
ENTRIES = STRIPS
# The first instruction of a pass has no operands but the number of those that follow, and the extent of a block.
STEPS, BLOCK_WIDTH, BLOCK_HEIGHT = RESULT + PLACE, RESULT + BY_PART, RESULT + STRIDE

# Of an input: its place, strips, vectors and stride.
INPUT_PLACE, INPUT_STRIPS, INPUT_VECTORS, INPUT_STRIDE, INPUT = range(5)

# Of a group of dots: the place of the results, the number of vectors, and the places of pairs.
DOTS, LENGTH, PAIRS = range(3)
GROUP = PAIRS + 2 * WIDTH

# Of a product of scalars: the places of the result and of its factors.
PRODUCT_RESULT, FIRST_FACTOR, SECOND_FACTOR, SCALARS = range(4)

# Of the derivative of such a product: the places of the factors, and of the derivatives by the result and by them.
FACTORS, DERIVATIVE, DERIVATIVES, DERIVED = 0, 2, 3, 5

# Of a combination of vectors: the place of the result, the number of vectors, and where its terms begin and end; of a
# term the places of the coefficient and of the vector.
COMBINATION, COMBINATION_VECTORS, FIRST_TERM, LAST_TERM, COMBINED = range(5)
COEFFICIENT, VECTOR, TERM = range(3)
