"""Many predictions, on one machine or on a Ray cluster: `sam2-video batch`.

`manifest` reads the jobs, `driver` skips those that succeeded before, `pool` gives each to a Ray
actor, `worker` runs there, `storage` keeps its files, `results` keeps the table of results.
"""
