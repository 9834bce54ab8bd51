"""MiniLM without torch: the package's weights turned once into an int8 ONNX graph, run on one thread."""
