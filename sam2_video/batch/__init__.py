"""Many predictions, on one machine or on a Ray cluster: `python -m sam2_video batch`.

The order of things: `manifest` reads the jobs, `driver` skips those that succeeded before,
`pool` hands each to an actor, `worker` is what runs there, `storage` is where its files go,
`results` keeps the table.
"""
