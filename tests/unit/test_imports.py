from __future__ import annotations

import graphlib

import grimp


def test_there_are_no_import_cycles() -> None:
    """No import cycle between two modules, imports inside functions and for type checking included."""
    graph = grimp.build_graph("safelight")
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        tuple(graphlib.TopologicalSorter(imports).static_order())
    except graphlib.CycleError as error:
        raise AssertionError("import cycle: " + " imports ".join(reversed(error.args[1]))) from None
