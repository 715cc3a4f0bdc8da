"""Where training computes, in which precision, and in how many processes: Lightning Fabric."""

from __future__ import annotations

import logging
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from idfd.benchmark.optional import require
from idfd.errors import InputError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def open_fabric(precision: str, device: str = "auto") -> tuple[Fabric, str]:
    """Set up device, precision and processes.

    Under ``torchrun`` every process takes its place among the others: DDP over NCCL with GPUs,
    over gloo without.

    Args:
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.
        device: ``auto``, ``cpu`` or ``cuda``.

    Returns:
        The launched Fabric, and the precision it computes in.

    Raises:
        InputError: No such device, or fp16 without a GPU.
        MissingDependencyError: Lightning Fabric is not installed.
    """
    require("lightning_fabric")
    from lightning_fabric import Fabric

    kind = choose_device(device)
    chosen = choose_precision(precision, kind)
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    nodes = int(os.environ.get("WORLD_SIZE", "1")) // processes
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    fabric = Fabric(
        accelerator=kind,
        devices=processes,
        num_nodes=nodes,
        strategy="ddp" if processes * nodes > 1 else "auto",
        precision=_PRECISIONS[chosen],
    )
    fabric.launch()
    return fabric, chosen


def is_first_process() -> bool:
    """Whether this process speaks for the run; under torchrun one of them does."""
    return os.environ.get("RANK", "0") == "0"


def choose_device(device: str) -> str:
    """``cpu`` or ``cuda``; ``auto`` is a GPU where there is one.

    Raises:
        InputError: Another word, or no GPU that torch can use.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"device '{device}'", limit="auto, cpu or cuda")
    found = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise InputError(
            "device 'cuda' cannot be used: torch finds no GPU",
            limit="a GPU and a build of torch for it",
            remedy="Use --device cpu, or install a torch with CUDA (pytorch.org)",
        )
    return "cuda" if found and device != "cpu" else "cpu"


def choose_precision(precision: str, device: str) -> str:
    """The precision to compute in; ``auto`` is bf16 where the processor has it, else fp32.

    Raises:
        InputError: fp16 on a CPU, which has no fast way to compute with it.
    """
    if precision == "fp16" and device == "cpu":
        raise InputError("precision fp16 on a CPU", limit="fp32 or bf16")
    if precision != "auto":
        return precision
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    # Without the instructions bf16 is emulated, and slower than fp32.
    return "bf16" if "avx512_bf16" in _cpu_facts().get("flags", "").split() else "fp32"


def describe_hardware(device: torch.device, world: int) -> str:
    """Processor or GPU with its number, for records.

    Example:
        ``2 cores of AMD EPYC`` or ``1 x NVIDIA H100``.
    """
    if device.type == "cuda":
        return f"{world} x {torch.cuda.get_device_name(device)}"
    name = _cpu_facts().get("model name", platform.machine())
    return f"{len(os.sched_getaffinity(0))} cores of {name}"


def _cpu_facts() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}
