"""The sequence taggers that ship with the project: small ONNX files, run on one thread by onnxruntime.

Sources and licences of the weights stand in LICENSES.md; `training/` makes the files anew.
"""
