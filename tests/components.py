"""Connected components by SciPy, to compare with."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def components(edges: Iterable[tuple[str, str]]) -> list[set[str]]:
    """The names that edges connect, one set per component."""
    names, codes = np.unique(np.asarray(list(edges)), return_inverse=True)
    first, second = codes.reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(first)), (first, second)), (len(names), len(names)))
    found = defaultdict(set)
    for name, label in zip(names.tolist(), connected_components(graph, directed=False)[1], strict=True):
        found[label].add(name)
    return list(found.values())
