"""The checkpoint that is shipped, from the weights of a run."""

import torch

from training.export import halved, mean_of


def test_the_mean_of_several_weights_is_exported_in_half_precision(tmp_path):
    files = []
    for value in (1.0, 4.0):
        files.append(tmp_path / f"{value}.pt")
        state = {"weight": torch.full((2, 2), value), "count": torch.tensor(7)}
        torch.save({"model": state}, files[-1])
    state = halved(mean_of(files))
    assert state["weight"].dtype == torch.float16
    assert state["weight"].tolist() == [[2.5, 2.5], [2.5, 2.5]]
    assert state["count"].item() == 7
    assert mean_of(files[:1])["weight"].tolist() == [[1.0, 1.0], [1.0, 1.0]]
