"""Exercise of notebook 12: what each process holds, with and without sharding."""

from minigpt.course.exercise import Exercise, Misconception


def shards(n_params, n_block, n_processes, *, n_averages=2, each=4, whole=0, fetched=1.0):
    """Bytes of a process under "ddp" and under "fsdp"; each keyword away from its default is a mistake.

    `whole` is how many of weights, gradients and averages are not shared out under "fsdp".
    """
    n_kinds = 2 + n_averages
    shared_out = whole + (n_kinds - whole) / n_processes
    return float(each * n_kinds * n_params), each * (shared_out * n_params + fetched * n_block)


def shards_mistake(name, message, **changes):
    return Misconception(name, lambda *given: shards(*given, **changes), message)


SHARDS = Exercise(
    id="12.shards",
    title="Who holds what",
    difficulty=2,
    minutes=10,
    contract="my_shards(n_params, n_block, n_processes) returns two numbers, the bytes that one process holds under "
    "“ddp” and under “fsdp”: weights, gradients and both averages of Adam of a model of n_params parameters, 4 bytes a "
    "number, and under “fsdp” an equal part of all these, and beside it the whole weights of the block of n_block "
    "parameters that it has fetched.",
    returns="two numbers",
    reference=shards,
    inputs=lambda: ((100, 20, 2), (1200, 90, 8), (124_439_808, 7_087_872, 4)),
    misconceptions=(
        shards_mistake("one average", "Adam keeps two averages of each gradient: one is missing.", n_averages=1),
        shards_mistake(
            "no averages", "Weights and gradients are there: what does Adam remember besides?", n_averages=0
        ),
        shards_mistake("numbers for bytes", "These are numbers: each takes 4 bytes.", each=1),
        shards_mistake("2 bytes", "Two bytes were counted for each number: here all have 4.", each=2),
        shards_mistake(
            "averages alone shared out",
            "Only the averages were shared out: where all is sharded, gradients and weights are as well.",
            whole=2,
        ),
        shards_mistake(
            "weights whole",
            "Each process still has all weights: under “fsdp” it has its part, and fetches others when it needs them.",
            whole=1,
        ),
        shards_mistake(
            "fetched block forgotten",
            "The part is right, and the fetched block is missing: with a part alone nobody can compute a block.",
            fetched=0,
        ),
        shards_mistake(
            "block with all that belongs to it",
            "The block's gradients and averages were fetched too: computing it takes its weights.",
            fetched=4,
        ),
        Misconception(
            "the whole model fetched",
            lambda n_params, n_block, n_processes: shards(n_params, n_params, n_processes),
            "All weights were fetched at once: one block at a time is what makes large models fit.",
        ),
        Misconception(
            "ddp shared out",
            lambda *given: (16 * given[0] / given[2], shards(*given)[1]),
            "Under “ddp” the texts are shared out, and nothing of the model: each process has all of it.",
        ),
        Misconception(
            "all processes together",
            lambda *given: tuple(given[2] * n for n in shards(*given)),
            "This is what all processes hold together: how much does one hold?",
        ),
        Misconception(
            "the block shared out",
            lambda n_params, n_block, n_processes: shards(n_params, n_block / n_processes, n_processes),
            "The fetched block was divided by the processes: while it computes, each has it whole.",
        ),
        Misconception(
            "the other way round",
            lambda *given: shards(*given)[::-1],
            "The two numbers stand in the other order: “ddp” first.",
        ),
    ),
)

EXERCISES = (SHARDS,)
