"""MiniLM without torch: builds an int8 ONNX graph from the package's weights once, and runs it on one
thread.
"""
