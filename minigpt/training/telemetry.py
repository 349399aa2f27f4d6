"""What a run did, one JSON object a line, so that it can be followed, compared and replayed by anyone."""

import json
import os
from collections.abc import Iterable
from pathlib import Path


class Telemetry:
    """Records of a run in `telemetry.jsonl`. Every line is written at once, so a killed run keeps all but its last."""

    def __init__(self, path: Path):
        self.path = Path(path)

    def write(self, record: dict) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def read(self) -> list[dict]:
        """All whole records; a last line that was torn by a kill is left out."""
        return read_telemetry(self.path)

    def rewind(self, step: int) -> None:
        """Forget records of this step and later: a resumed run writes them again."""
        keep = [record for record in self.read() if record["step"] < step]
        part = self.path.with_name(self.path.name + ".part")
        part.write_text("".join(json.dumps(record) + "\n" for record in keep), encoding="utf-8")
        os.replace(part, self.path)


def read_telemetry(path: Path) -> list[dict]:
    """The records of a `telemetry.jsonl`, an empty list if there is none yet. Raises ValueError on a foreign file."""
    if not Path(path).exists():
        return []
    lines = Path(path).read_text(encoding="utf-8").split("\n")
    return list(parse(lines, path))


def parse(lines: Iterable[str], path: Path) -> Iterable[dict]:
    lines = list(lines)
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            if number == len(lines):  # no newline behind it: the writer was killed in this line
                return
            raise ValueError(f"{path}, line {number} is not JSON: this is no telemetry of a run") from None
        if not isinstance(record, dict) or "step" not in record:
            raise ValueError(f"{path}, line {number} has no step: this is no telemetry of a run")
        yield record
