import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.order import Order, Place, Shard, consumer, positions

worlds = st.tuples(st.integers(1, 6), st.integers(0, 4))
shard_sizes = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def order_of(sizes: list[int], seed: int = 0, lanes: int = 3, block_samples: int = 4) -> Order:
    shards = tuple(Shard(f"train-{number:06d}.tar", size, 1, "0") for number, size in enumerate(sizes))
    return Order(shards, seed, lanes, block_samples)


def samples_of_epoch(order: Order, epoch: int) -> list[tuple[str, int]]:
    """The samples at the positions of one epoch, by the order's own account of them."""
    blocks: dict[Place, list[tuple[str, int]]] = {}
    samples = []
    for position in range(epoch * order.num_samples, (epoch + 1) * order.num_samples):
        place = order.place(position)
        start = replace(place, offset=0)
        if start not in blocks:
            spans = order.spans(place.epoch, place.lane, place.block)
            in_lane = [(span.shard.name, at) for span in spans for at in range(span.start, span.stop)]
            blocks[start] = order.shuffle(in_lane[: order.block_samples], place)
        samples.append(blocks[start][place.offset])
    return samples


@settings(deadline=None)
@given(world=worlds, start=st.integers(0, 1000), rounds=st.integers(1, 5))
def test_processes_and_workers_share_the_positions_without_gap_or_overlap(
    world: tuple[int, int], start: int, rounds: int
) -> None:
    world_size, num_workers = world
    readers = [
        consumer(rank, world_size, worker, num_workers) for rank in range(world_size) for worker in range(max(1, num_workers))
    ]
    taken = [position for reader in readers for position in itertools.islice(positions(start, reader), rounds)]
    assert sorted(taken) == list(range(start, start + rounds * len(readers)))


@settings(deadline=None)
@given(world=worlds, start=st.integers(0, 1000), per_worker=st.integers(1, 4), steps=st.integers(1, 4))
def test_every_step_covers_the_same_positions_whatever_the_number_of_processes(
    world: tuple[int, int], start: int, per_worker: int, steps: int
) -> None:
    world_size, num_workers = world
    per_step = per_worker * world_size * max(1, num_workers)
    shares = [
        positions(start, consumer(rank, world_size, worker, num_workers))
        for rank in range(world_size)
        for worker in range(max(1, num_workers))
    ]
    for step in range(steps):
        taken = {position for share in shares for position in itertools.islice(share, per_worker)}
        assert taken == set(range(start + step * per_step, start + (step + 1) * per_step))


@settings(deadline=None)
@given(sizes=shard_sizes, lanes=st.integers(1, 9), block_samples=st.integers(1, 12), epoch=st.integers(0, 3))
def test_an_epoch_holds_every_sample_exactly_once(sizes: list[int], lanes: int, block_samples: int, epoch: int) -> None:
    order = order_of(sizes, lanes=lanes, block_samples=block_samples)
    everything = [(shard.name, at) for shard in order.shards for at in range(shard.num_samples)]
    assert sorted(samples_of_epoch(order, epoch)) == everything


def test_epochs_and_seeds_differ_in_order() -> None:
    sizes = [20, 33, 7, 30, 11]
    first = samples_of_epoch(order_of(sizes), 0)
    assert first == samples_of_epoch(order_of(sizes), 0)
    assert first != samples_of_epoch(order_of(sizes), 1)
    assert first != samples_of_epoch(order_of(sizes, seed=1), 0)


def test_neighbours_in_the_order_come_from_different_shards() -> None:
    samples = samples_of_epoch(order_of([50, 50, 50, 50], lanes=4, block_samples=16), 0)
    same = sum(one[0] == other[0] for one, other in itertools.pairwise(samples))
    assert same < len(samples) / 3


@pytest.mark.parametrize("change", [{"seed": 1}, {"lanes": 4}, {"block_samples": 5}, {"sizes": [20, 34]}])
def test_the_digest_tells_orders_apart(change: dict[str, object]) -> None:
    fields: dict[str, object] = {"sizes": [20, 33], "seed": 0, "lanes": 3, "block_samples": 4}
    assert order_of(**fields).digest == order_of(**fields).digest  # type: ignore[arg-type]
    assert order_of(**fields).digest != order_of(**(fields | change)).digest  # type: ignore[arg-type]


def test_the_order_stays_what_it_is() -> None:
    """A changed order would make every checkpoint's position mean something else."""
    samples = samples_of_epoch(order_of([5, 4], lanes=2, block_samples=3), 0)
    assert " ".join(f"{name[-5]}/{at}" for name, at in samples) == "1/1 0/3 1/0 0/1 1/2 0/2 0/0 0/4 1/3"
