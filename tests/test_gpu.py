"""`benchmarks/gpu.py` at toy size on a CPU: it runs from the source tree, and its files say what they should."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from minigpt.assets import asset
from minigpt.config import GPTConfig
from minigpt.models.gpt import GPT
from minigpt.sampling import generate
from minigpt.text.batches import Batches
from minigpt.text.tokenizers import load_tokenizer
from minigpt.training.loop import TrainConfig, Trainer
from minigpt.training.telemetry import read_telemetry
from minigpt.weights import load_pretrained
from minigpt.weights.save import write_weights

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import gpu  # noqa: E402
import gpu_recipes  # noqa: E402
from gpu_card import ship  # noqa: E402
from gpu_writing import StaticWriter  # noqa: E402

BARE = ("psutil", "regex", "IPython", "anywidget", "ipywidgets", "jupyterlab", "matplotlib", "transformers")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
PROGRAM = f"""
import runpy, sys
for name in {BARE}:
    sys.modules[name] = None  # importing it fails
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("gpu.py")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """All parts at toy size, in a program that has little beside torch, numpy and safetensors."""
    folder = tmp_path_factory.mktemp("gpu") / "out"
    words = [str(ROOT / "benchmarks" / "gpu.py"), "run", "--toy", "--parts", "a", "b", "c", "--out", str(folder)]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, cwd=folder.parent)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def lines(out: Path, kind: str) -> list[dict]:
    found = [json.loads(line) for line in (out / "gpu.jsonl").read_text(encoding="utf-8").splitlines()]
    return [line for line in found if line["kind"] == kind]


@pytest.mark.slow
def test_no_part_was_stopped_and_the_first_line_says_where_and_with_what(out):
    assert lines(out, "stopped") == []
    (machine,) = lines(out, "machine")
    assert machine["command"][:3] == ["python", "benchmarks/gpu.py", "run"]
    assert machine["versions"]["torch"] == torch.__version__
    assert machine["toy"] is True
    assert machine["copy_bandwidth"] > 0


@pytest.mark.slow
def test_what_comes_out_fits_through_a_narrow_door(out):
    files = list(out.iterdir())
    assert len(files) <= 8
    assert all(file.is_file() and file.stat().st_size <= 16 << 20 for file in files)


@pytest.mark.slow
def test_each_rung_of_the_ladder_is_measured_and_compared_with_the_one_before(out):
    rungs = lines(out, "rung")
    assert [rung["name"] for rung in rungs if "skipped" in rung] == []
    assert len(rungs) == 15
    speeds = {rung["name"]: rung["tokens_per_second"] for rung in rungs}
    for rung in rungs:
        assert rung["utilisation"] > 0
        assert rung["times_base"] == pytest.approx(rung["tokens_per_second"] / speeds["nanoGPT-style"], rel=0.05)
        if rung.get("before"):
            assert rung["times_before"] == pytest.approx(speeds[rung["name"]] / speeds[rung["before"]], rel=0.05)
    turns = lines(out, "turn")
    assert len(turns) == 2 * len(rungs)
    assert {turn["name"] for turn in turns} == set(speeds)


@pytest.mark.slow
def test_all_rungs_with_the_same_batch_compute_the_same_loss(out):
    """From the same weights and texts: the tricks change the speed, not what is learned."""
    made = {line["name"]: line["loss"] for line in lines(out, "made")}
    sizes = {line["name"]: line["batch_size"] for line in lines(out, "rung")}
    ours = [name for name in made if not name.startswith(("nanoGPT", "our Trainer"))]
    for size in (2, 5):
        losses = [made[name] for name in ours if sizes[name] == size]
        assert len(losses) == 6
        assert losses == pytest.approx([losses[0]] * 6, abs=2e-3)  # bfloat16 has three digits


@pytest.mark.slow
def test_writing_is_a_share_of_bandwidth_and_both_ways_write_the_same(out):
    writing = lines(out, "writing")
    assert {(line["name"], line["format"]) for line in writing} == {
        (name, number) for name in ("generate", "static step") for number in ("float32", "bfloat16")
    }
    for line in writing:
        share = line["tokens_per_second"] * line["bytes_of_weights"] / 1e10
        assert line["share_of_bandwidth"] == pytest.approx(share, rel=0.02)
        assert line["same_tokens"] or line["format"] == "bfloat16"


@pytest.mark.slow
def test_the_best_story_model_can_be_loaded_and_its_runs_read(out):
    stories = lines(out, "story")
    assert [line["name"] for line in stories] == [
        f"{plan.name}-{stage}" for plan in gpu_recipes.PLANS[1:3] for stage in ("first", "finish")
    ]
    gpu_recipes.join(out)
    model = load_pretrained(out / "story.safetensors")
    assert model.config.n_embd == 12
    telemetry = read_telemetry(out / "story.jsonl")
    valid = [record["valid_loss"] for record in telemetry if "valid_loss" in record]
    assert stories[-1]["best_so_far"] == pytest.approx(min(valid))
    assert {record["run"] for record in telemetry} == {line["name"] for line in stories}


@pytest.mark.slow
def test_the_snapshots_of_the_time_machine_come_in_a_tar_file(out):
    gpu_recipes.join(out)
    with tarfile.open(out / "time_machine.tar") as tar:
        names = tar.getnames()
    assert [name for name in names if name.startswith("snapshot-")] == [
        f"snapshot-{step:06d}.safetensors" for step in (0, 2, 6)
    ]
    assert {"measures.jsonl", "telemetry.jsonl", "tokenizer.json"} <= set(names)


def test_a_step_of_fixed_shapes_writes_what_the_generator_writes():
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_vocab=13, n_ctx=20, n_embd=12, n_head=3, n_layer=2)).eval()
    torch.nn.init.normal_(model.wte.weight)  # so that the likeliest token changes
    with torch.inference_mode():
        writer = StaticWriter(model)
        for prompt in ([3, 7, 1], [5]):
            assert writer.write(prompt, 9) == list(generate(model, prompt, max_new_tokens=9, temperature=0))


@pytest.mark.gpu
@needs_gpu
def test_on_a_gpu_a_recorded_step_writes_what_the_generator_writes():
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_vocab=640, n_ctx=64, n_embd=192, n_head=3, n_layer=2)).cuda().eval()
    torch.nn.init.normal_(model.wte.weight)
    with torch.inference_mode():
        writer = StaticWriter(model)
        writer.record()
        assert writer.write([3, 7, 1], 20) == list(generate(model, [3, 7, 1], max_new_tokens=20, temperature=0))


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_peak_of_a_step_on_a_gpu_is_foretold_within_15_percent(precision):
    batches = Batches(np.arange(20_000, dtype=np.uint16), n_ctx=1024, batch_size=8)
    settings = TrainConfig(n_steps=3, n_warmup=1, precision=precision)
    record = Trainer(GPT(GPTConfig.named("gpt2")).cuda(), batches, settings).run()[-1]
    assert record["peak_bytes"] == pytest.approx(record["foretold_bytes"], rel=0.15)


def test_a_file_in_pieces_is_put_together(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    path = tmp_path / "from" / "model.safetensors"
    path.write_bytes(bytes(range(256)) * 100)
    gpu_recipes.split(path, tmp_path / "to", size=2000)
    assert len(list((tmp_path / "to").iterdir())) == 13  # more than nine: 10 comes after 9
    (made,) = gpu_recipes.join(tmp_path / "to")
    assert made.read_bytes() == path.read_bytes()


def test_texts_are_packed_and_unpacked(tmp_path, monkeypatch):
    (tmp_path / "train").mkdir()
    text = "Once upon a time there was a cat.<|endoftext|>The cat sat.<|endoftext|>" * 40
    for source in gpu_recipes.SOURCES[2:]:
        path = tmp_path / "train" / source.file.removesuffix(".xz")
        path.write_text(text, encoding="utf-8")
    sources = [gpu_recipes.replace(source, file=source.file.removesuffix(".xz")) for source in gpu_recipes.SOURCES[2:]]
    monkeypatch.setattr(gpu_recipes, "SOURCES", tuple(sources))
    made = {"tokenizer.json": b"{}", "train.npy": b"\x01\x02"}

    def prepare(data, folder, n_vocab):
        folder.mkdir()
        for name, content in made.items():
            (folder / name).write_bytes(content)

    monkeypatch.setattr(gpu_recipes.time_machine, "prepare", prepare)
    gpu_recipes.pack(tmp_path, tmp_path / "tokens.xz")
    rows = gpu_recipes.unpack(tmp_path / "tokens.xz")
    assert set(rows) == {source.file for source in sources} | {f"time_machine/{name}" for name in made}
    assert rows[sources[0].file].dtype == np.uint16
    assert rows["time_machine/train.npy"].tobytes() == b"\x01\x02"


def test_the_story_model_fits_into_25_mb():
    assert 24e6 < 2 * gpu_recipes.STORY.n_params() < 25e6


def test_the_best_model_is_shipped_with_a_card_that_tells_its_plan_alone(tmp_path):
    out, tokenizer = tmp_path / "out", load_tokenizer(asset("checkpoints/story") / "tokenizer.json")
    out.mkdir()
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_vocab=4096, n_ctx=16, n_embd=8, n_head=2, n_layer=1))
    write_weights(model, out / "story.safetensors", torch.float16)
    machine = {"kind": "machine", "device": "Some GPU", "versions": {"torch": "9.9"}, "command": ["python", "x.py"]}
    text = {"what": "fables", "file": "f", "repeat": 2, "n_tokens": 50}
    rates = {"learning_rate": 0.1, "muon_learning_rate": 0.2}
    lines = [{**machine, "device": "Another"}, {"kind": "rung"}, machine]
    for name, best in (
        ("a-first", "a-first"),
        ("a-finish", "a-first"),
        ("b-first", "b-first"),
        ("b-finish", "b-first"),
    ):
        told = {"steps": 7, "n_tokens": 300, "seconds": 5.0, "valid_loss": 2.5, "mixture": [text]}
        settings = {"optimizer": "muon", "precision": "auto", **rates}
        line = {"kind": "story", "name": name, "settings": settings, "config": model.config.to_dict(), **told}
        lines.append(line | {"best_of": f"{best}, step 6", "best_so_far": 1.25})
    (out / "gpu.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    ship(out, tmp_path / "story", tokenizer)
    found = (tmp_path / "story" / "README.md").read_text(encoding="utf-8")
    assert "On one Some GPU, with PyTorch 9.9" in found
    assert "those of step 6 of b-first:\n1.250 nats per token, a perplexity of 3.5 " in found
    assert [line for line in found.splitlines() if line.startswith("### ")] == ["### b-first"]
    assert "| fables | 50 | 100% | 6.0 |" in found
    assert load_pretrained(tmp_path / "story").config == model.config


def test_the_commands_of_the_page_have_the_options_that_there_are():
    page = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
    found = [
        line.partition("#")[0].split()[2:] for line in page.splitlines() if line.startswith("python benchmarks/gpu")
    ]
    assert [gpu.parser().parse_args(words).what for words in found] == ["pack", "run", "run", "run", "join", "ship"]


@pytest.mark.slow
def test_the_page_explains_each_file_and_each_kind_of_line(out):
    page = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
    kinds = {json.loads(line)["kind"] for line in (out / "gpu.jsonl").read_text(encoding="utf-8").splitlines()}
    assert {kind for kind in kinds if f"| {kind.partition(',')[0]} |" not in page} == set()
    names = {name for name in (file.name for file in out.iterdir()) if f"| {name}" not in page}
    assert names <= {"story.safetensors", "time_machine.tar"}  # which `join` has made


def test_without_a_gpu_it_says_so():
    with pytest.raises(ValueError, match="there is no GPU that PyTorch can use: with --toy"):
        gpu.sheet_of(torch.device("cpu"))


def test_a_gpu_is_found_by_its_name_among_the_data_sheets(monkeypatch):
    pytest.importorskip("minigpt.training.data_sheets")
    for name, bandwidth in (("NVIDIA H200", 4.8e12), ("NVIDIA H100 80GB HBM3", 3.35e12)):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device, name=name: name)
        sheet = gpu.sheet_of(torch.device("cuda"))
        assert (sheet.bandwidth, sheet.peaks["bfloat16"]) == (bandwidth, 989e12)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    with pytest.raises(ValueError, match="no data sheet of Some GPU"):
        gpu.sheet_of(torch.device("cuda"))
