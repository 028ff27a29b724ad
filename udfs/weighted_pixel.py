"""One colour pixel as a weighted sum of others, all of its channels in one vector instruction.

Numba's compiler makes vectors of long loops alone; three channels are none, and one by one they take three times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 4  # as many floats are read and as many bytes written for a pixel: the last of them is the next pixel's
_BYTE, _INT, _FLOAT = ir.IntType(8), ir.IntType(32), ir.FloatType()
_FLOATS, _INTS, _BYTES = (ir.VectorType(one, LANES) for one in (_FLOAT, _INT, _BYTE))
_ROUNDING, _WHITE = ir.Constant(_FLOATS, [0.5] * LANES), ir.Constant(_INTS, [255] * LANES)


def _generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    sums, at, weights, weights_at, num, out, out_at = arguments
    arrays = zip((signature.args[0], signature.args[2], signature.args[5]), (sums, weights, out), strict=True)
    first_sum, first_weight, first_out = (context.make_array(kind)(context, builder, array).data for kind, array in arrays)
    total = cgutils.alloca_once_value(builder, _ROUNDING)  # type: ignore[no-untyped-call]  # numba ships few types
    with cgutils.for_range(builder, num) as loop:
        weight = builder.load(builder.gep(first_weight, [builder.add(weights_at, loop.index)]))
        place = builder.add(at, builder.mul(loop.index, ir.Constant(at.type, 3)))
        pixel = builder.load(builder.bitcast(builder.gep(first_sum, [place]), _FLOATS.as_pointer()), align=4)
        builder.store(builder.fadd(builder.load(total), builder.fmul(_in_all_lanes(builder, weight), pixel)), total)
    whole = builder.fptosi(builder.load(total), _INTS)
    bounded = builder.select(builder.icmp_signed("<", whole, _WHITE), whole, _WHITE)
    target = builder.bitcast(builder.gep(first_out, [out_at]), _BYTES.as_pointer())
    builder.store(builder.trunc(bounded, _BYTES), target, align=1)
    return context.get_dummy_value()


def _in_all_lanes(builder: Any, value: Any) -> Any:
    alone = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), value, ir.Constant(_INT, 0))
    return builder.shuffle_vector(alone, ir.Constant(_FLOATS, ir.Undefined), ir.Constant(_INTS, [0] * LANES))


def _typed(_: Any, sums: Any, at: Any, weights: Any, weights_at: Any, num: Any, out: Any, out_at: Any) -> tuple[Any, Any]:
    del at, weights_at, num, out_at
    return types.void(sums, types.uintp, weights, types.uintp, types.uintp, out, types.uintp), _generate


put_weighted_pixel: Callable[..., None] = intrinsic(_typed)
"""For compiled code: (sums, at, weights, weights_at, num, out, out_at) sets out[out_at : out_at + 3] to the sum over k < num of
weights[weights_at + k] * sums[at + 3 k : at + 3 k + 3], rounded, no more than 255.

sums: float32, flat, not negative; weights: float32, of any shape, read as flat; out: uint8, flat. Indices are numpy.uintp and are
not checked: LANES values must be there from the last pixel read and the last one written on.
"""
