"""TFLite files made small: large matrices of weights lie in float16, names are left out.

What is computed stays float32: TFLite makes float32 of the weights once, when it loads a model. Biases, scales
and the few weights of the answers stay float32 in the file, too: an error in one of these moves every answer.
Names of tensors count what was built before in the same process; without them the same weights are the same file.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ai_edge_litert.tools import flatbuffer_utils as tflite

LARGE: Final = 1024
"""Weights of a matrix from which it is halved."""
_DEQUANTIZE: Final = tflite.BuiltinOperator.DEQUANTIZE
_FROM_FLOAT16: Final = 3
"""Version of TFLite's operator DEQUANTIZE that takes float16."""


def halved(model: bytes, exact: int = 0) -> bytes:
    """A float32 TFLite model with its large matrices rounded to float16.

    Args:
        model: the file; where it is halved already it stays as it is.
        exact: layers, from the first on, that keep their float32.
    """
    content = tflite.read_model_from_bytearray(bytearray(model))
    (graph,) = content.subgraphs
    read = [place for operator in graph.operators for place in operator.inputs]
    matrices = [place for place in read if _is_matrix(content, graph.tensors[place])]
    places = [place for place in matrices[exact:] if np.prod(graph.tensors[place].shape) >= LARGE]
    if places:
        content.operatorCodes.append(_operator_code())
        made = [_halve(content, graph, place) for place in places]
        graph.operators = made + list(graph.operators)
    tflite.strip_strings(content)
    return bytes(tflite.convert_object_to_bytearray(content))


def _is_matrix(content: Any, tensor: Any) -> bool:
    """Whether a tensor is a constant float32 matrix."""
    constant = content.buffers[tensor.buffer].data is not None
    return constant and tensor.type == tflite.TensorType.FLOAT32 and len(tensor.shape) == 2


def _halve(content: Any, graph: Any, place: int) -> Any:
    """Put the matrix at `place` into a float16 tensor; gives the operator that makes float32 of it."""
    matrix, half = graph.tensors[place], tflite.TensorT()
    buffer = content.buffers[matrix.buffer]
    weights: npt.NDArray[np.float16] = np.frombuffer(buffer.data.tobytes(), "<f4").astype("<f2")
    buffer.data = np.frombuffer(weights.tobytes(), np.uint8)
    half.shape, half.type, half.buffer = matrix.shape, tflite.TensorType.FLOAT16, matrix.buffer
    matrix.buffer = 0
    operator = tflite.OperatorT()
    operator.opcodeIndex = len(content.operatorCodes) - 1
    operator.inputs, operator.outputs = [len(graph.tensors)], [place]
    graph.tensors.append(half)
    return operator


def _operator_code() -> Any:
    code = tflite.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = _DEQUANTIZE
    code.version = _FROM_FLOAT16
    return code
