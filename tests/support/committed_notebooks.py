"""A pytest plugin: committed notebooks carry no execution counts, and nbval compares no cell without one."""

from nbval.plugin import IPyNbCell


def pytest_itemcollected(item):
    if isinstance(item, IPyNbCell):
        item.cell.execution_count = item.cell_num + 1
