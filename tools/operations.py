"""Counts the floating-point operations of a TensorFlow function: those of its convolutions and matrix products, two per multiply-add.

What is cheap beside these (norms, activations, softmax) does not count, nor do operations whose sizes the graph does not know.
"""

import math

_CONVOLUTIONS = ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", "DepthwiseConv2dNative")
_PRODUCTS = ("MatMul", "BatchMatMulV2", "BatchMatMulV3", "BatchMatMul")


def count(concrete) -> float:
    """Operations of one call of a tf.function's concrete function, those of the functions that it calls included.

    The body of a loop counts once, as it says nowhere how often it runs, and of a choice (tf.cond) the larger branch.
    """
    return _count_graph(concrete.graph, {})


def _count_graph(graph, seen):
    return sum(_count_op(op, graph, seen) for op in graph.get_operations())


def _count_op(op, graph, seen):
    if op.type in _CONVOLUTIONS:
        return _convolution(op)
    if op.type in _PRODUCTS:
        return _product(op)
    names = [op.get_attr(key).name for key in ("f", "body") if key in op.node_def.attr and op.node_def.attr[key].HasField("func")]
    branches = [op.get_attr(key).name for key in ("then_branch", "else_branch") if key in op.node_def.attr]
    inside = [_count_function(name, graph, seen) for name in names]
    return sum(inside) + max((_count_function(name, graph, seen) for name in branches), default=0.0)


def _count_function(name, graph, seen):
    if name not in seen:
        seen[name] = 0.0
        function = graph._get_function(name)  # the only way from a call in a graph to the graph that is called
        body = getattr(function, "graph", None)
        seen[name] = _count_graph(body, seen) if body is not None else 0.0
    return seen[name]


def _convolution(op):
    """Every output of the forward convolution sees the whole window: backward, either way, takes as many products."""
    if op.type == "Conv2DBackpropInput":  # sizes, filters, gradient of the output
        window, output = op.inputs[1].shape, op.inputs[2].shape
    elif op.type == "Conv2DBackpropFilter":  # input, sizes, gradient of the output
        window, output = op.outputs[0].shape, op.inputs[2].shape
    else:
        window, output = op.inputs[1].shape, op.outputs[0].shape
    if op.type == "DepthwiseConv2dNative":
        return _size([*output, *window[:2]])
    return _size([*output, *window[:3]])


def _product(op):
    transposed = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
    inner = op.inputs[0].shape[-2 if transposed else -1]
    return _size([*op.outputs[0].shape, inner])


def _size(sides):
    return 0.0 if any(side is None for side in sides) else 2.0 * math.prod(sides)
