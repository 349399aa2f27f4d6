"""What makers say that some GPUs can do at most. Nothing here was measured by us.

Peaks are dense products, without the makers' factor of two for matrices of which half is zero; 16 bits with sums in 32.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSheet:
    """One GPU as it is sold."""

    name: str
    peaks: dict[str, float]
    """Operations a second, by number format."""
    bandwidth: float
    """Bytes a second."""
    memory: float
    """Bytes."""
    source: str


DATA_SHEETS = (
    DataSheet(
        "T4", {"float32": 8.1e12, "float16": 65e12}, 320e9, 16e9, "NVIDIA, T4 data sheet, 2019; it has no bfloat16"
    ),
    DataSheet(
        "RTX 4090",
        {"float32": 82.6e12, "bfloat16": 165.2e12},
        1008e9,
        24e9,
        "NVIDIA, Ada GPU Architecture white paper, 2023, appendix A",
    ),
    DataSheet(
        "A100 80 GB",
        {"float32": 19.5e12, "bfloat16": 312e12},
        2039e9,
        80e9,
        "NVIDIA, A100 data sheet, 2021, SXM form",
    ),
    DataSheet("H100", {"float32": 67e12, "bfloat16": 989e12}, 3350e9, 80e9, "NVIDIA, H100 data sheet, 2023, SXM form"),
    DataSheet("H200", {"float32": 67e12, "bfloat16": 989e12}, 4800e9, 141e9, "NVIDIA, H200 data sheet, 2024, SXM form"),
)
