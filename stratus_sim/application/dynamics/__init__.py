"""How requests flow: epochs of a second with queues, retries and breakers that remember the one before.

One definition serves every application. What its topology does not declare is taken from `traffic.UNDECLARED`: one type
of request for each entry point, clients that wait as long as it takes and try once, and no queues. Read in this order:
`plan` (what a request does), `load` (how many there are), `islands` (what has nothing to do with each other), `lanes`
(replicas that are not alike), `ground` and `footing` (what the store says), `forward` and `backward` (one epoch),
`step` and `shown` (what comes of it), `course`, `crews` and `advance` (from epoch to epoch), `board` (the flows of all
islands), `ledger` and `counters` (sums).

Every replica has a queue of its own. Those of a workload that work alike and have about as much waiting (within an
eighth) are one lane: in all of them the same goes on.

An epoch of an island is a pure function of its scene, in which nobody is named, so it is worked out once however often
it comes back, there or on another island of the same shape. At rest an island leaves to the next epoch what it found,
and no epoch is begun until something happens; one that begins looks at the islands where something stirred.

Requests are counted in thousandths, so that shares of few requests stay exact integers; per second that is also the
unit of rates, requests per 1,000 s. An epoch ends with a second of the clock, and what holds at its end held in all of
it, or in those before it that nobody looked at.
"""
