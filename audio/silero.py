"""Silero's voice activity net (v6) in numpy: the chunks of many calls go through as one batch. Pure.

For each chunk of 32 ms, with the 4 ms before it: four Fourier frames -> magnitudes -> four convolutions over time,
which end in one frame of 128 features -> an LSTM cell of 128, whose state is the call's memory -> one number. The
weights come from `tools/extract_silero.py`; `tests/unit/audio/test_silero.py` holds the net to the original.

Three habits keep a chunk cheap. Every layer is one matrix product over the batch: a convolution over time first copies
its windows side by side. Buffers are made once and written with `out=`. What is constant is worked into the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Array = NDArray[np.float32]
Weights = Mapping[str, Array]

RATES_HZ: Final = (8000, 16000)
CHUNK_MS: Final = 32
BLOCK: Final = 32
"""Chunks in one pass at most. More gain nothing (measured at 64 and 128): the buffers leave the near cache."""

FRAMES: Final = 4
CELL: Final = 128


class Sizes(Struct, frozen=True):
    """Lengths in samples; the rate fixes them all."""

    chunk: int
    context: int
    fourier: int

    @property
    def window(self) -> int:
        """What goes into the net for one chunk: the end of the chunk before, and the chunk."""
        return self.context + self.chunk


def sizes(rate_hz: int) -> Sizes:
    """The sizes at 8000 or 16000 Hz. Raises ValueError for another rate: there are no weights for it."""
    if rate_hz not in RATES_HZ:
        raise ValueError(f"Silero knows 8000 and 16000 Hz, not {rate_hz}; resample with audio.pcm.MicResampler")
    chunk = rate_hz * CHUNK_MS // 1000
    return Sizes(chunk=chunk, context=chunk // 8, fourier=chunk // 2)


class Silero:
    """The net at one rate, with the memories of `capacity` calls, each in its slot."""

    def __init__(self, rate_hz: int, weights: Weights, capacity: int = BLOCK) -> None:
        self.sizes = sizes(rate_hz)
        self._layers = _Layers(rate_hz, self.sizes, weights)
        self._memory: Array = np.zeros((capacity, 3 * CELL), np.float32)  # rows as in _Buffers.cell
        scratch = _Scratch(self.sizes)
        self._buffers = [_Buffers(scratch, self.sizes, n) for n in range(1, BLOCK + 1)]

    @property
    def capacity(self) -> int:
        """How many slots there are."""
        return len(self._memory)

    def grow(self, capacity: int) -> None:
        """Add empty slots, up to `capacity` in all."""
        added = np.zeros((capacity - self.capacity, 3 * CELL), np.float32)
        self._memory = np.concatenate([self._memory, added])

    def clear(self, slot: int) -> None:
        """Forget what the call in a slot has heard."""
        self._memory[slot] = 0.0

    def run(self, slots: NDArray[np.intp], windows: NDArray[np.int16]) -> Array:
        """How probable it is that each chunk holds speech: (n,), 0 to 1, valid until the next run.

        `slots` (n,) are the calls that the chunks belong to, each at most once; `windows` (n, context + chunk) is their
        PCM16, the context being the end of the call's chunk before (zeros at first); 1 <= n <= BLOCK.
        """
        b = self._buffers[len(slots) - 1]
        _transform(self._layers, b, windows)
        _encode(self._layers, b)
        np.take(self._memory, slots, axis=0, out=b.cell, mode="clip")  # the mode "raise" would make a copy
        np.copyto(b.features, b.conv3)
        _remember(self._layers, b)
        self._memory[slots] = b.cell
        return _judge(self._layers, b)


def _transform(layers: _Layers, b: _Buffers, windows: NDArray[np.int16]) -> None:
    """Samples to the magnitudes of four frames that overlap by half; the last one ends in a mirror image."""
    np.copyto(b.window, windows)
    np.copyto(b.reflection, b.mirrored)
    np.multiply(b.frames, layers.hann, out=b.windowed)
    np.fft.rfft(b.windowed, norm="forward", out=b.spectrum)  # type: ignore[arg-type]  # numpy's stubs know complex128 only
    np.abs(b.spectrum, out=b.magnitudes)


def _encode(layers: _Layers, b: _Buffers) -> None:
    """Four frames of magnitudes to one of features: kernels of 3 frames, strides 1, 2, 2, 1."""
    np.copyto(b.taps0, b.triples0)
    _dense(b.rows0, layers.conv0, layers.bias0, b.conv0)
    np.copyto(b.frames0, b.conv0_frames)
    np.copyto(b.taps1, b.triples1)
    _dense(b.rows1, layers.conv1, layers.bias1, b.conv1)
    _dense(b.rows2, layers.conv2, layers.bias2, b.conv2)
    _dense(b.conv2, layers.conv3, layers.bias3, b.conv3)


def _dense(rows: Array, weight: Array, bias: Array, out: Array) -> None:
    np.matmul(rows, weight, out=out)
    np.add(out, bias, out=out)
    np.maximum(out, 0.0, out=out)


def _remember(layers: _Layers, b: _Buffers) -> None:
    """One step of the LSTM cell. Its sigmoids are tanh's: (tanh(x / 2) + 1) / 2, the inner half is in the weights."""
    np.matmul(b.cell_rows, layers.lstm, out=b.gate_rows)
    np.add(b.gates, layers.lstm_bias, out=b.gates)
    np.tanh(b.gates, out=b.gates)
    np.multiply(b.sigmoids, 0.5, out=b.sigmoids)
    np.add(b.sigmoids, 0.5, out=b.sigmoids)
    np.multiply(b.carry, b.forget_gate, out=b.carry)
    np.multiply(b.candidate, b.input_gate, out=b.candidate)
    np.add(b.carry, b.candidate, out=b.carry)
    np.tanh(b.carry, out=b.candidate)
    np.multiply(b.candidate, b.output_gate, out=b.hidden)


def _judge(layers: _Layers, b: _Buffers) -> Array:
    np.maximum(b.hidden, 0.0, out=b.conv3)  # whose features are used up
    np.matmul(b.conv3, layers.out, out=b.probability)
    np.add(b.probability, layers.out_bias, out=b.probability)
    np.tanh(b.probability, out=b.probability)
    np.multiply(b.probability, 0.5, out=b.probability)
    return np.add(b.probability, 0.5, out=b.probability)


class _Layers:
    """The weights of one rate, made ready for `rows @ weight`."""

    def __init__(self, rate_hz: int, size: Sizes, weights: Weights) -> None:
        def tensor(name: str) -> Array:
            return weights[f"{rate_hz}/{name}"]

        def taps(name: str, first: int, last: int) -> Array:
            """A kernel (out, in, 3) as a matrix (taps · in, out), of the taps that meet more than zero padding."""
            kernel = tensor(name)[:, :, first : last + 1]
            return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, len(kernel)))

        # With the scale of PCM16, and of `norm="forward"`, with which alone numpy computes in single precision.
        self.hann = (np.hanning(size.fourier + 1)[:-1] * (size.fourier / 32768)).astype(np.float32)
        self.conv0, self.bias0 = taps("conv0.weight", 0, 2), tensor("conv0.bias")
        self.conv1, self.bias1 = taps("conv1.weight", 0, 2), tensor("conv1.bias")
        self.conv2, self.bias2 = taps("conv2.weight", 1, 2), tensor("conv2.bias")  # before its two frames is padding
        self.conv3, self.bias3 = taps("conv3.weight", 1, 1), tensor("conv3.bias")  # and around its one frame

        gates = np.concatenate([tensor("lstm.weight_ih"), tensor("lstm.weight_hh")], axis=1)
        bias = tensor("lstm.bias_ih") + tensor("lstm.bias_hh")
        # The rows come as input, forget, candidate, output; here the three sigmoids stand together, halved.
        order = np.r_[0 : 2 * CELL, 3 * CELL : 4 * CELL, 2 * CELL : 3 * CELL]
        halves = np.repeat(np.array([0.5, 0.5, 0.5, 1.0], np.float32), CELL)
        self.lstm = np.ascontiguousarray(gates[order].T * halves)
        self.lstm_bias = bias[order] * halves
        self.out = tensor("out.weight").reshape(CELL) / 2
        self.out_bias = tensor("out.bias") / 2


class _Scratch:
    """Where the largest pass puts its numbers. The frames of zeros stay zero: they pad the convolutions."""

    def __init__(self, size: Sizes) -> None:
        bins = size.fourier // 2 + 1

        def rows(*shape: int) -> Array:
            return np.zeros((BLOCK, *shape), np.float32)

        self.samples = rows(size.window + size.fourier // 4)
        self.windowed = rows(FRAMES, size.fourier)
        self.spectrum = np.zeros((BLOCK, FRAMES, bins), np.complex64)
        self.magnitudes = rows(1 + FRAMES + 1, bins)
        self.taps0 = rows(FRAMES, 3 * bins)
        self.conv0 = rows(FRAMES, 128)
        self.frames0 = rows(1 + FRAMES, 128)
        self.taps1 = rows(FRAMES // 2, 3 * 128)
        self.conv1 = rows(FRAMES // 2, 64)
        self.conv2 = rows(64)
        self.conv3 = rows(CELL)
        self.cell = rows(3 * CELL)
        self.gates = rows(4 * CELL)
        self.probability = rows()


class _Buffers:
    """The views of the scratch that a pass over `n` chunks uses, so that a pass makes none."""

    def __init__(self, scratch: _Scratch, size: Sizes, n: int) -> None:
        samples = scratch.samples[:n]
        reflected = size.fourier // 4
        self.window = samples[:, : size.window]
        self.reflection = samples[:, size.window :]
        self.mirrored = samples[:, size.window - 1 - reflected : size.window - 1][:, ::-1]
        self.frames = _windows(samples, FRAMES, size.fourier, size.fourier // 2)
        self.windowed = scratch.windowed[:n]
        self.spectrum = scratch.spectrum[:n]
        padded = scratch.magnitudes[:n]
        bins = padded.shape[2]
        self.magnitudes = padded[:, 1:-1]

        self.triples0 = _windows(padded, FRAMES, 3 * bins, bins)
        self.taps0 = scratch.taps0[:n]
        self.rows0 = self.taps0.reshape(n * FRAMES, 3 * bins)
        self.conv0_frames = scratch.conv0[:n]
        self.conv0 = self.conv0_frames.reshape(n * FRAMES, 128)
        self.frames0 = scratch.frames0[:n, 1:]
        self.triples1 = _windows(scratch.frames0[:n], FRAMES // 2, 3 * 128, 2 * 128)
        self.taps1 = scratch.taps1[:n]
        self.rows1 = _apart(self.taps1.reshape(n * FRAMES // 2, 3 * 128))
        self.conv1 = _apart(scratch.conv1[:n].reshape(n * FRAMES // 2, 64))
        self.rows2 = scratch.conv1[:n].reshape(n, 2 * 64)
        self.conv2 = scratch.conv2[:n]
        self.conv3 = scratch.conv3[:n]

        # A call's row: room for the features, then the hidden state, so that the LSTM's two products are one.
        self.cell = scratch.cell[:n]
        self.features = self.cell[:, :CELL]
        self.hidden = self.cell[:, CELL : 2 * CELL]
        self.carry = self.cell[:, 2 * CELL :]
        self.gates = scratch.gates[:n]
        self.cell_rows = _apart(self.cell[:, : 2 * CELL])
        self.gate_rows = _apart(self.gates)
        self.sigmoids = self.gates[:, : 3 * CELL]
        self.input_gate, self.forget_gate, self.output_gate, self.candidate = (
            self.gates[:, i * CELL : (i + 1) * CELL] for i in range(4)
        )
        self.probability = scratch.probability[:n]


def _apart(rows: Array) -> Array:
    """Two or three rows one by one, as a view: OpenBLAS multiplies them up to three times as fast as in one product."""
    return rows[:, np.newaxis] if 1 < len(rows) < 4 else rows


def _windows(rows: Array, count: int, length: int, step: int) -> Array:
    """Per row, `count` overlapping windows of `length` numbers, `step` apart, as a view."""
    return as_strided(rows, (len(rows), count, length), (rows.strides[0], step * rows.itemsize, rows.itemsize))
