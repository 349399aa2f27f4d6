"""Where a matrix lies in memory: the same numbers, read faster when they meet one vector at a time.

Writing a token multiplies each weight matrix by a single vector, so each weight is used once and the time goes into
fetching it. How fast that is depends on which numbers are neighbours in memory.
"""

from torch import nn

from minigpt.models.gpt import GPT


def lay_out_for_generation(model: GPT) -> GPT:
    """Make the numbers along the longer side of each matrix neighbours in memory; changes the model and returns it.

    PyTorch keeps rows together. Then y = W·x is one dot product per row, and a wide matrix (more outputs than inputs)
    has many short ones. With columns together, y is a sum of long columns, column i times x[i], which a processor
    does without a break; `benchmarks/generate.py` measures both. Names, shapes, values and what is saved stay the
    same, and so do results up to rounding, for sums are taken in another order. No use on a GPU, but no harm.
    """
    matrices = [module.weight for module in model.modules() if isinstance(module, nn.Linear)]
    matrices.append(model.wte.weight)  # as output matrix it is the widest of all
    for matrix in matrices:
        n_out, n_in = matrix.shape
        if n_out > n_in:
            matrix.data = matrix.data.t().contiguous().t()  # the same matrix, columns together
    return model
