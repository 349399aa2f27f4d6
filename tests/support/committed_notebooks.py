"""A pytest plugin that lets nbval compare notebooks in the form in which they are committed."""

from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell

from minigpt.course.execute import is_live_widget

compare_outputs = IPyNbCell.compare_outputs


def pytest_itemcollected(item):
    """nbval compares no cell without an execution count, and committed cells have none."""
    if isinstance(item, IPyNbCell):
        item.cell.execution_count = item.cell_num + 1


def without_live_widgets(self, test, ref, skip_compare=None):
    """A control that needs a kernel, such as a slider, is not stored, so it is not compared either."""
    return compare_outputs(self, [output for output in test if not is_live_widget(output)], ref, skip_compare)


def execute_as_a_reader_does(self, cell_input, allow_stdin=None):
    """With history: without it IPython shows the value of a line that ends in a semicolon."""
    return self.kc.execute(cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)


IPyNbCell.compare_outputs = without_live_widgets
RunningKernel.execute_cell_input = execute_as_a_reader_does
