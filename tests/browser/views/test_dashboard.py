"""The dashboard in JupyterLab: a thread trains, the page follows, its buttons are heard, even in a cell that waits."""

import re

import pytest
from page import eventually, page_of, prints, run, wear

pytestmark = pytest.mark.browser

SETUP = """import time
import numpy as np, torch
from minigpt import course, views
from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.text.batches import Batches
from minigpt.training.loop import TrainConfig, Trainer

def trainer(rate=1e-3, n_steps=100_000):
    ids = np.random.default_rng(0).integers(11, size=500)
    config = TrainConfig(n_steps, learning_rate=rate, n_warmup=1, eval_every=50, save_every=n_steps)
    batches = Batches(ids, 6, 4)
    return Trainer(GPT(GPTConfig(11, 6, n_embd=8, n_head=2, n_layer=1)), batches, config, batches,
                   callbacks=[lambda *_: time.sleep(0.005)])

def spoilt():
    made = trainer()
    made.callbacks = (lambda one, record: record["step"] == 3 and one.model.wte.weight.data.fill_(np.nan),)
    return made"""
CELLS = [
    "bad = course.train_live(spoilt(), title='spoilt')\nbad.thread.join()  # the next run would stop it\nbad",
    "rep = course.replay('story', speed=1e6)\nrep",
    "live = course.train_live(trainer(), sample=lambda model: 'once', floor=1.0, others={'other': "
    "[{'step': n, 'loss': 3.0} for n in range(90)]})\nlive",
]


@pytest.fixture(scope="module")
def opened(lab):
    with page_of(lab, "dashboard", [SETUP, *CELLS], 3_200) as page:
        yield page
        run(page, "live.stop()")


@pytest.fixture
def view(opened):
    return lambda n: opened.page.locator(".minigpt-dashboard").nth(n)


def step_of(view) -> int:
    return int(re.sub(r"\D", "", view.locator("dd").first.text_content().partition(" of ")[0]))


def test_a_failed_run_says_what_to_do_and_keeps_its_curves(view) -> None:
    eventually(view(0).get_by_role("alert"), "or lower the learning rate")
    eventually(view(0).get_by_role("status"), "failed")
    eventually(view(0).locator(".words"), "spoilt, step 3: loss ")
    assert view(0).get_by_role("button").filter(visible=True).count() == 0


def test_a_recording_is_called_one(view) -> None:
    eventually(view(1).locator(".badge"), "Recording")
    eventually(view(1).get_by_role("status"), "finished. Recorded in ")
    eventually(view(1).locator(".soft"), "One point stands for up to 2 steps")


def test_by_keys_the_run_pauses_and_resumes_and_a_step_is_looked_at(view, opened) -> None:
    own, keys = view(2), opened.page.keyboard
    eventually(own.get_by_role("status"), "running")
    own.get_by_role("button", name="Pause").focus()
    keys.press("Enter")
    eventually(own.get_by_role("button"), "Resume")
    step = step_of(own)
    opened.page.wait_for_timeout(800)
    assert step_of(own) == step > 0
    own.get_by_label("Look at").focus()
    keys.press("Home")
    eventually(own.locator(".words"), "this run, step 0: loss 2.")
    eventually(own.locator(".words"), "other, step 0: loss 3")
    own.get_by_role("button", name="Resume").press("Enter")
    eventually(own.get_by_role("button"), "Pause")
    opened.page.wait_for_timeout(1200)
    assert step_of(own) > step
    assert own.locator("path.run-0").count() >= 3
    assert own.locator("figure.loss path.run-1").get_attribute("stroke-dasharray") == "7 4"


@pytest.mark.parametrize("width", [700, 1600])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_it_fits_into_any_width_in_light_and_dark(view, opened, theme, width) -> None:
    wear(opened.page, theme)
    opened.page.set_viewport_size({"width": width, "height": 3_200})
    opened.page.wait_for_timeout(700)
    for n in range(3):
        spills = "node => [...node.querySelectorAll('*')].some(one => one.getBoundingClientRect().right > innerWidth)"
        assert not view(n).evaluate(spills)
        assert view(n).locator("figure.loss svg").evaluate("svg => svg.clientWidth") > 250
    opened.screenshot(f"-dashboard-{theme}-{width}")
    wear(opened.page, "Light")


def test_buttons_are_heard_while_a_cell_awaits_the_run(view, opened) -> None:
    own = view(2)
    opened.page.evaluate(
        """() => { window.waiting = jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
          { code: 'await live' }) }"""
    )
    for wish, then in [("Pause", "Resume"), ("Resume", "Pause"), ("Pause", "Resume"), ("Resume", "Pause")]:
        own.get_by_role("button", name=wish).click()
        eventually(own.get_by_role("button"), then)
    assert opened.page.evaluate("() => waiting.msg && !waiting.isDisposed")  # the cell still waits
    own.get_by_role("button", name="Stop").click()
    eventually(own.get_by_role("status"), "stopped. model and optimizer are kept: trainer.run() goes on from step")
    opened.page.evaluate("async () => { await waiting.done }")


@pytest.mark.parametrize("code", ["live.wait()", "await live"])
def test_a_cell_that_waits_is_interrupted(opened, code) -> None:
    run(opened, "live = course.train_live(live.trainer)")
    opened.page.evaluate(
        """async code => {
          const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
          kernel.requestExecute({ code });
          await new Promise(go => setTimeout(go, 500));
          await kernel.interrupt();
        }""",
        code,
    )
    prints(opened, "print(live.thread.is_alive(), live.view.state, live.error)", "False stopped None")
