"""The way from a set of graphs to numbers: one plan for all of them, and the loops that execute it.

plan -> fusion -> lanes (small matrices, eight side by side) or strips (larger ones, eight rows at a time); for
gradients also adjoint, the reverse sweep; arrays and array_gradients (numpy and torch, the obvious twins).

>>> from pigmm.invariants.graphs.multigraph import Multigraph
>>> print(plan((Multigraph([(0, 1)]),)))
%0 = input
%1 = rows %0
%2 = sum %1
"""

from .plan import Plan, plan

__all__ = ["Plan", "plan"]
