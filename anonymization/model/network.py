"""Opens the networks of this folder: one thread, no sampling, no clock, so that the same text gives the same answer."""

from __future__ import annotations

from importlib import resources
from typing import Any

import onnxruntime


def open_network(name: str) -> Any:
    """Return the onnxruntime session of NAME.onnx. Raises what a missing or damaged file raises."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    content = (resources.files("anonymization.model") / f"{name}.onnx").read_bytes()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
