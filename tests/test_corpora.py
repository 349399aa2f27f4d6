"""Corpora by name, fetched from a server on this machine that cuts lines, ignores ranges and lies."""

import errno
import hashlib
import lzma
import os
import re
import shutil
import sys
import threading
import types
import zipfile
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest

from minigpt.text import corpora, download
from minigpt.text.corpora import Corpus, Part
from minigpt.text.download import File, fetch

BODY = bytes(range(256)) * 4096  # 1 MiB, four chunks
DIGEST = hashlib.sha256(BODY).hexdigest()
MIRROR = Path(os.environ.get("MINIGPT_DATA") or "no mirror folder")


class Server(ThreadingHTTPServer):
    """Gives `body`, and misbehaves as told; `asked` holds each request's path and Range."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.asked = BODY, []
        self.cuts: list[int] = []  # after how many bytes to hang up, one entry a request
        self.knows_ranges = self.tells_length = True
        self.wrong_range = False

    def url(self, name: str = "file") -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.asked.append((self.path, asked))
        if self.path == "/missing":
            return self.send_error(404)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.knows_ranges else 0
        n = len(server.body)
        if start >= n:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{n}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if start:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start + server.wrong_range}-{n - 1}/{n}")
        else:
            self.send_response(200)
        if server.tells_length:
            self.send_header("Content-Length", str(n - start))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else n
        self.wfile.write(server.body[start:][:cut])

    def log_message(self, *args):
        pass


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """The server is asked directly, and what hangs is cut soon."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "TIMEOUT", 5.0)


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(timeout=5)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIGPT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MINIGPT_DATA", raising=False)
    return tmp_path / "cache"


def a_file(server, name="file", sha256: str | None = DIGEST) -> File:
    return File("a.txt", "train/a.txt", (server.url(name),), sha256=sha256)


def zip_of(**members: str) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


# The download


def test_a_file_is_fetched_once_and_reports_its_progress(server, cache):
    seen = []
    place = fetch(a_file(server), cache, progress=lambda done, total: seen.append((done, total)))
    assert place.read_bytes() == BODY
    assert [total for _, total in seen] == [len(BODY)] * len(seen)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == len(BODY)
    assert fetch(a_file(server), cache) == place
    assert len(server.asked) == 1


def test_a_cut_line_is_continued_where_it_broke(server, cache):
    server.cuts = [300_000, 200_000]
    assert fetch(a_file(server), cache).read_bytes() == BODY
    assert [asked for _, asked in server.asked] == [None, "bytes=300000-", "bytes=500000-"]


def test_a_line_cut_too_often_leaves_a_part_that_the_next_call_continues(server, cache):
    server.cuts = [100_000] * download.TRIES
    with pytest.raises(ConnectionError, match=r"cut off after 300,000 of 1,048,576 bytes"):
        fetch(a_file(server), cache)
    assert not (cache / "a.txt").exists()
    assert (cache / "a.txt.part").stat().st_size == 300_000
    assert fetch(a_file(server), cache).read_bytes() == BODY
    assert server.asked[-1][1] == "bytes=300000-"
    assert not (cache / "a.txt.part").exists()


def test_a_server_that_ignores_ranges_is_read_from_the_start(server, cache):
    server.cuts, server.knows_ranges = [300_000], False
    assert fetch(a_file(server), cache).read_bytes() == BODY
    assert len(server.asked) == 2


def test_a_server_that_answers_another_range_is_not_believed(server, cache):
    server.cuts, server.wrong_range = [300_000], True
    assert fetch(a_file(server), cache).read_bytes() == BODY
    assert [asked for _, asked in server.asked] == [None, "bytes=300000-", None]


def test_a_part_that_is_whole_already_is_taken_without_more_bytes(server, cache):
    cache.mkdir()
    (cache / "a.txt.part").write_bytes(BODY)
    assert fetch(a_file(server), cache).read_bytes() == BODY


def test_a_part_longer_than_the_file_is_thrown_away(server, cache):
    cache.mkdir()
    (cache / "a.txt.part").write_bytes(BODY + b"!")
    assert fetch(a_file(server), cache).read_bytes() == BODY


def test_a_part_of_something_else_is_noticed_by_the_checksum_and_fetched_anew(server, cache):
    cache.mkdir()
    (cache / "a.txt.part").write_bytes(b"?" * 1000)
    assert fetch(a_file(server), cache).read_bytes() == BODY


def test_the_wrong_file_is_never_put_in_place(server, cache):
    server.body = BODY[:-1] + b"!"
    with pytest.raises(ValueError, match=r"a\.txt.*expected " + DIGEST):
        fetch(a_file(server), cache)
    assert list(cache.iterdir()) == []


def test_the_next_address_is_tried_when_one_fails(server, cache):
    file = File("a.txt", "train/a.txt", (server.url("missing"), server.url()), sha256=DIGEST)
    assert fetch(file, cache).read_bytes() == BODY
    assert [name for name, _ in server.asked] == ["/missing", "/file"]


def test_a_missing_page_is_named_with_its_code(server, cache):
    with pytest.raises(ConnectionError, match="/missing answers 404"):
        fetch(a_file(server, "missing"), cache)


def test_without_a_network_the_error_names_the_file_the_address_and_the_folder(cache):
    url = "https://nowhere.example/a.txt"
    with pytest.raises(ConnectionError) as error:
        fetch(File("a.txt", "train/a.txt", (url,), sha256=DIGEST), cache)
    assert all(part in str(error.value) for part in ("a.txt", url, str(cache)))


def test_a_file_put_there_by_hand_is_taken_when_it_is_the_right_one(cache):
    cache.mkdir()
    (cache / "a.txt").write_bytes(BODY)
    file = File("a.txt", "train/a.txt", ("https://nowhere.example/a.txt",), sha256=DIGEST)
    assert fetch(file, cache) == cache / "a.txt"
    (cache / "a.txt").write_bytes(BODY[:-1])
    with pytest.raises(ValueError, match=r"a\.txt has sha256 .* delete it and get it from https://nowhere"):
        fetch(file, cache)
    assert (cache / "a.txt").exists(), "the reader's own file is not ours to delete"


def test_a_file_that_does_not_fit_on_the_disk_is_not_begun(server, cache, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**6, 10**6 - 1000, 1000))
    with pytest.raises(OSError, match=r"1,048,576 bytes are still to come .* room for 1,000 bytes") as error:
        fetch(a_file(server), cache)
    assert error.value.errno == errno.ENOSPC
    assert list(cache.iterdir()) == []


def test_a_disk_that_fills_up_on_the_way_keeps_what_it_has_and_continues_later(server, cache, monkeypatch):
    def write_until_full(path, mode):
        file = open(path, mode)  # noqa: SIM115
        if mode != "wb":
            return file
        write, room = file.write, [2]

        class Full:
            def __enter__(self):
                return self

            def __exit__(self, *error):
                file.close()

            def write(self, chunk):
                room[0] -= 1
                if room[0] < 0:
                    raise OSError(errno.ENOSPC, "No space left on device")
                return write(chunk)

        return Full()

    monkeypatch.setattr(download, "open", write_until_full, raising=False)
    with pytest.raises(OSError, match="free some space") as error:
        fetch(a_file(server), cache)
    assert error.value.errno == errno.ENOSPC
    assert (cache / "a.txt.part").stat().st_size == 2 * download.CHUNK
    monkeypatch.delattr(download, "open")
    assert fetch(a_file(server), cache).read_bytes() == BODY


def test_two_processes_that_write_to_the_same_part_are_noticed(server, cache):
    def meddle(done, total):
        if done == total and len(server.asked) == 1:
            with open(cache / "a.txt.part", "ab") as file:
                file.write(b"from somebody else")

    assert fetch(a_file(server), cache, progress=meddle).read_bytes() == BODY
    assert len(server.asked) == 2


# Trust on first use


def test_without_a_known_checksum_the_first_one_is_noted_and_holds(server, cache):
    server.body = zip_of(a="one")
    place = fetch(a_file(server, sha256=None), cache)
    assert (cache / "a.txt.sha256").read_text().strip() == hashlib.sha256(server.body).hexdigest()
    place.write_bytes(zip_of(a="two"))
    with pytest.raises(ValueError, match="delete it and get it from"):
        fetch(a_file(server, sha256=None), cache)
    place.unlink()
    server.body = zip_of(a="three")
    with pytest.raises(ValueError, match="what came has sha256"):
        fetch(a_file(server, sha256=None), cache)


def test_without_a_known_checksum_a_file_has_to_be_a_sound_archive(server, cache):
    server.body = b"<html>please log in</html>"
    with pytest.raises(ValueError, match="no sound zip archive"):
        fetch(a_file(server, sha256=None), cache)
    damaged = bytearray(zip_of(a="one two three"))
    damaged[damaged.index(b"two")] ^= 1
    server.body = bytes(damaged)
    with pytest.raises(ValueError, match="no sound zip archive"):
        fetch(a_file(server, sha256=None), cache)
    assert list(cache.iterdir()) == []


def test_a_server_that_does_not_tell_the_length_is_refused(server, cache):
    server.tells_length = False
    with pytest.raises(ConnectionError, match="does not say how long"):
        fetch(a_file(server), cache)


# Names


@pytest.fixture
def named(server, monkeypatch):
    """Corpora of the three kinds, served from here."""

    def file(name: str, body: bytes) -> File:
        server.bodies[f"/{name}"] = body
        return File(name, f"some/{name}", (server.url(name),), len(body), hashlib.sha256(body).hexdigest())

    server.bodies = {}
    get = Handler.do_GET

    def get_by_name(handler):
        server.body = server.bodies[handler.path]
        get(handler)

    monkeypatch.setattr(Handler, "do_GET", get_by_name)
    plain = file("plain.txt", b"0123456789" * 99 + b"caf\xc3\xa9\r\n\r\n\r\n")  # 1,001 bytes
    archive = file("archive.zip", zip_of(en="one\ntwo\n", pt="um\ndois\n"))
    lines = file("lines.jsonl", b'{"text": "a b"}\n{"text": "c\\u2028d"}\n')
    facts = ("about", "licence", "home", "citation")
    parts = {"all": Part(plain), "train": Part(plain, (), 0, 994), "valid": Part(plain, (), 994, 1000)}
    monkeypatch.setitem(corpora.CORPORA, "plain", Corpus(*facts, parts))
    pairs = Corpus(*facts, {"all": Part(archive, ("en", "pt"))}, kind="pairs")
    monkeypatch.setitem(corpora.CORPORA, "pairs", pairs)
    passages = Corpus(*facts, {"test": Part(lines)}, default="test", kind="passages")
    monkeypatch.setitem(corpora.CORPORA, "passages", passages)
    return server


def test_a_corpus_loads_as_text_pairs_or_passages(named, cache):
    assert corpora.load("plain").endswith("9café\n\n\n")
    assert corpora.load("pairs") == [("one", "um"), ("two", "dois")]
    assert corpora.load("passages") == ["a b", "c\u2028d"]
    assert corpora.path("pairs") == cache / "archive.zip"


def test_splits_are_shares_of_the_bytes_and_never_hold_half_a_character(named, cache):
    train, valid = corpora.load("plain", "train"), corpora.load("plain", "valid")
    assert 1001 * 994 // 1000 == 994, "the border falls into the two bytes of é"
    assert train + "é" + valid == corpora.load("plain")


def test_a_mirror_folder_comes_first_and_may_be_compressed(named, cache, tmp_path, monkeypatch):
    mirror = tmp_path / "mirror" / "some"
    mirror.mkdir(parents=True)
    monkeypatch.setenv("MINIGPT_DATA", str(mirror.parent))
    (mirror / "plain.txt.xz").write_bytes(lzma.compress(named.bodies["/plain.txt"]))
    assert corpora.load("plain").endswith("9café\n\n\n")
    assert corpora.path("plain") == mirror / "plain.txt.xz"
    assert named.asked == []
    (mirror / "plain.txt.xz").write_bytes(lzma.compress(b"another text"))
    with pytest.raises(ValueError, match=r"plain\.txt\.xz has sha256"):
        corpora.load("plain")


def test_tatoeba_pairs_are_read_from_the_archive_that_opus_publishes(cache, tmp_path, monkeypatch):
    members = {"README": "", "Tatoeba.en-pt.en": "Hi.\nRun!\n", "Tatoeba.en-pt.pt": "Oi.\nCorra!\n"}
    (tmp_path / "translation").mkdir()
    (tmp_path / "translation" / "tatoeba-en-pt.zip").write_bytes(zip_of(**members))
    monkeypatch.setenv("MINIGPT_DATA", str(tmp_path))
    assert corpora.load("tatoeba-en-pt") == [("Hi.", "Oi."), ("Run!", "Corra!")]
    (tmp_path / "translation" / "tatoeba-en-pt.zip").write_bytes(zip_of(**members, more=""))
    with pytest.raises(ValueError, match=r"tatoeba-en-pt\.zip has sha256"):
        corpora.load("tatoeba-en-pt")


def test_unknown_names_and_splits_list_what_exists():
    with pytest.raises(ValueError, match=r"no corpus 'shakespeare': the names are storyland, .*tinyshakespeare"):
        corpora.load("shakespeare")
    with pytest.raises(ValueError, match=r"no split 'dev': it has 'train', 'valid', 'test'"):
        corpora.load("wikitext-2-raw", "dev")


def test_an_excerpt_is_not_offered_and_asks_for_a_mirror_folder(cache):
    assert "enwik8" in corpora.names()
    assert "enwik8-first-4154517" not in corpora.names()
    with pytest.raises(FileNotFoundError, match="point MINIGPT_DATA to a mirror folder"):
        corpora.load("enwik8-first-4154517")


def test_python_docs_come_with_python_and_split_into_nine_and_one():
    text = corpora.load("python-docs")
    train, valid = corpora.load("python-docs", "train"), corpora.load("python-docs", "valid")
    assert 'The "assert" statement' in text
    assert len(train) + len(valid) == pytest.approx(len(text), abs=1)
    assert text.startswith(train)
    assert text.endswith(valid)
    with pytest.raises(ValueError, match="has no file"):
        corpora.path("python-docs")


def test_a_python_without_its_docs_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(ImportError, match="whole standard library"):
        corpora.load("python-docs")


def test_storyland_is_written_anew_each_time_and_the_same():
    storyland = pytest.importorskip("minigpt.text.storyland")
    if not hasattr(storyland, "Storyland"):
        pytest.skip("Storyland has no class Storyland yet")
    valid, test = corpora.load("storyland", "valid"), corpora.load("storyland", "test")
    assert valid == corpora.load("storyland", "valid")
    assert valid != test
    assert min(len(valid), len(test)) > 2_000 * 10, "2,000 sentences of ten characters or more"


def test_the_splits_of_storyland_have_seeds_of_their_own(monkeypatch):
    asked = []

    class Storyland:
        def __init__(self, seed):
            self.seed = seed

        def text(self, n_sentences, language):
            asked.append((self.seed, n_sentences, language))
            return "Ana runs."

    monkeypatch.setitem(sys.modules, "minigpt.text.storyland", types.SimpleNamespace(Storyland=Storyland))
    assert {corpora.load("storyland", split) for split in ("train", "valid", "test")} == {"Ana runs."}
    assert asked == [(0, 20_000, "en"), (1, 2_000, "en"), (2, 2_000, "en")]


def test_every_corpus_has_its_facts_and_every_pinned_file_its_size():
    for name, corpus in corpora.CORPORA.items():
        assert all((corpus.about, corpus.licence, corpus.home, corpus.citation)), name
        assert corpus.default in corpus.splits
        for part in corpus.splits.values():
            assert 0 <= part.start < part.stop <= 1000
            if part.file:
                assert part.file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", part.file.sha256)
                assert part.file.sha256 or name == "tatoeba-en-pt", "only Tatoeba's is trusted on first use"
                assert all(url.startswith(("https://", "http://mattmahoney.net/")) for url in part.file.urls)
    assert corpora.info("enwik8").n_bytes == 36_445_475
    assert corpora.info("tatoeba-en-pt").n_bytes is None
    assert corpora.info("storyland").n_bytes == 0


def test_what_the_mirror_folder_holds_is_the_published_file(tmp_path, monkeypatch):
    """Whatever MINIGPT_DATA has is read and compared with its sha256; what it lacks is left out."""
    monkeypatch.setenv("MINIGPT_CACHE", str(tmp_path))
    files = {name: [part.file for part in corpus.splits.values()] for name, corpus in corpora.CORPORA.items()}
    here = [name for name in files if all(file and in_mirror(file) for file in files[name])]
    if not here:
        pytest.skip("MINIGPT_DATA names no folder with files of ours")
    sizes = {name: len(corpora.load(name)) for name in here}
    expected = {
        "tinyshakespeare": 1_115_394,
        "lambada": 5153,
        "text8-first-3010294": 3_010_294,
        "tatoeba-en-pt-13222": 13_222,
    }
    for name, size in expected.items():
        assert sizes.get(name, size) == size


def in_mirror(file: File) -> bool:
    return any((MIRROR / f"{file.mirror}{end}").exists() for end in ("", ".xz"))
