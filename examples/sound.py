"""The example's sound: a slow chord, a few plucked notes, wind, and the burner's breath."""

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
Samples = NDArray[np.float64]  # samples, or samples x 2 for stereo

CHORDS = ((50, 57, 62, 66, 69, 73), (55, 59, 62, 66, 69, 74))  # D major 7, G major 9; MIDI notes
MELODY = ((0.25, 78), (0.75, 81), (1.25, 85), (1.75, 81), (2.25, 86), (2.75, 83), (3.25, 78))


def _hertz(note: float) -> float:
    return 440.0 * 2.0 ** ((note - 69) / 12)


def _ramp(t: Samples, start: float, rise: float, end: float, fall: float) -> Samples:
    """Rises from `start`, falls towards `end`; smooth and within 0..1."""
    envelope = np.clip((t - start) / rise, 0, 1) * np.clip((end - t) / fall, 0, 1)
    return envelope * envelope * (3 - 2 * envelope)


def _noise(count: int, seed: int, low: float, high: float) -> Samples:
    """Noise between two frequencies, with a peak of 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    shape = 1 / (1 + (low / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / high) ** 4)
    noise = np.fft.irfft(spectrum * shape, count)
    return noise / np.abs(noise).max()


def _pad(t: Samples, seconds: float) -> Samples:
    """Two soft chords that flow into each other, each voice a little detuned left and right."""
    half = seconds / 2
    stereo = np.zeros((t.size, 2))
    for k, chord in enumerate(CHORDS):
        swell = _ramp(t, k * half - 0.6, 1.2, (k + 1) * half + 0.6, 1.2)
        for note in chord:
            for side, detune in ((0, 0.9985), (1, 1.0015)):
                phase = 2 * np.pi * _hertz(note) * detune * t
                voice = np.sin(phase) + 0.22 * np.sin(2 * phase) + 0.07 * np.sin(3 * phase)
                stereo[:, side] += 0.05 * swell * voice
    return stereo


def _plucks(t: Samples) -> Samples:
    """The melody on something like a kalimba, wandering from side to side."""
    stereo = np.zeros((t.size, 2))
    for k, (start, note) in enumerate(MELODY):
        since = np.maximum(t - start, 0)
        phase = 2 * np.pi * _hertz(note) * since
        tone = np.sin(phase) * np.exp(-3.2 * since) + 0.3 * np.sin(3 * phase) * np.exp(-9 * since)
        tone *= np.clip(since / 0.004, 0, 1) * (t >= start)
        pan = 0.5 + 0.3 * np.sin(1.9 * k)
        stereo += 0.11 * tone[:, None] * np.array([1 - pan, pan])
    return stereo


def track(seconds: float, burn: tuple[float, float]) -> NDArray[np.int16]:
    """The whole track, samples x 2; the burner sounds from burn[0] to burn[1]."""
    t = np.arange(round(seconds * RATE)) / RATE
    wind = _noise(t.size, 1, 120, 500) * (0.6 + 0.4 * np.sin(1.3 * t))
    breath = _noise(t.size, 2, 180, 1600) * _ramp(t, burn[0], 0.15, burn[1] + 0.3, 0.6)
    mix = _pad(t, seconds) + _plucks(t) + (0.05 * wind + 0.09 * breath)[:, None]
    mix *= _ramp(t, 0, 0.25, seconds, 0.6)[:, None]
    return np.round(np.clip(0.8 * mix / np.abs(mix).max(), -1, 1) * 32767).astype(np.int16)
