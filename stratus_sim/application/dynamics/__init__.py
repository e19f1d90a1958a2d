"""Traffic in motion: epochs of a second with queues, retries and breakers that remember the one before.

An application whose topology declares `requests`, `load`, `policies` or limits of a replica is worked out here; of any
other the stationary flows hold (`application.flow`), which at rest come to the same. Read in this order: `plan` (what a
request does), `load` (how many there are), `ground` (what the store says), `forward` and `backward` (one epoch),
`step` (what it leaves and counts), `advance` (from epoch to epoch), `ledger` and `counters` (sums).

Requests are counted in thousandths, so that shares of few requests stay exact integers; per second that is also the
unit of rates, requests per 1,000 s. An epoch ends with a second of the clock, and what holds at its end held in all of
it. When one leaves everything as it found it, the next is not worked out until something happens.
"""
