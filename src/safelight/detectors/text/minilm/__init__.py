"""MiniLM without torch: builds an int8 ONNX graph from the weights of the installed package once, and runs
the graph on one thread.
"""
