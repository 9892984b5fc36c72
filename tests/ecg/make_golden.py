"""Write golden.json anew: `python tests/ecg/make_golden.py`, only when the protocol may change."""

import json
from pathlib import Path

from wire_samples import MESSAGES

from ecg import wire

if __name__ == "__main__":
    golden = {
        name: {"messagepack": wire.pack(made).hex(), "json": json.loads(wire.to_json(made))}
        for name, made in MESSAGES.items()
    }
    text = json.dumps(golden, indent=1, ensure_ascii=False) + "\n"
    (Path(__file__).parent / "golden.json").write_text(text)
