"""The theorems: what the properties add up to, and what each rests on.

A theorem is a conjunction of properties, each proved by induction for every number of agents, fields, actions,
requests and steps, and under every severity preorder.
"""

from __future__ import annotations

from dataclasses import dataclass

from stratus_spec.properties.effects import EFFECTS
from stratus_spec.properties.frames import FRAMES


@dataclass(frozen=True)
class Theorem:
    """A sentence for readers, and the names of the properties that say it precisely.

    `rests` are assumptions beyond the axioms that every theorem shares: about the environment, or about what the
    functions a user plugs in really do.
    """

    name: str
    statement: str
    properties: tuple[str, ...]
    rests: tuple[str, ...] = ()


SERVER = "the server rejects a write with an old token or an old version"
DURABLE = "the journal is durable before the write it speaks of"
CALM = "nobody else writes and the environment stands still"
EXPECTED = "nobody else writes, the environment stays in E, and the robust test is right on all of E"
FAIR = "foreign writes, lost leases and crashes come to an end, and whoever can act at last does"
MEASURED = "severity is measured of the configuration and the shadow at one instant"

HEADLINES = ("commit_tnr", "abort_tnr", "resolved_is_healthy")
"""Properties whose breaking hurts a user; the others are what these rest on."""
THEOREMS = (
    Theorem(
        "exclusivity",
        "At most one agent writes: whoever changes anything on the strength of the lock holds it with the latest token,"
        " and the lock is granted only while free (A1).",
        ("exclusive_writer", "grant_is_fresh", "held_was_granted", "lock_in_phase"),
    ),
    Theorem(
        "fencing",
        "A write request that outlives its sender's lock is rejected, however late it lands and however often.",
        ("requests_are_past", "waiting_in_action", "late_is_refused", "lands_in_transaction", "versions_count"),
        (SERVER,),
    ),
    Theorem(
        "bounded window",
        "A transaction starts at most K actions of bounded size, starts them and decides within the time window, and"
        " is tried a bounded number of times (A3).",
        (
            "bounded_actions",
            "bounded_steps",
            "one_action_at_a_time",
            "complete_ends_action",
            "began_in_past",
            "decided_in_window",
            "time_is_monotone",
            "bounded_attempts",
        ),
    ),
    Theorem(
        "reversibility only",
        "An action runs only if it is reversible, or compensable with its side condition met when it starts.",
        ("reversible_only", "starts_permitted"),
    ),
    Theorem(
        "read-only roles",
        "Detectors, diagnosers and strangers change nothing; writers write only in their phase.",
        ("read_only_roles", "mitigator_writes", "undoer_undoes", "writes_in_phase", "action_in_mitigation"),
    ),
    Theorem(
        "order of phases",
        "Phases follow the state machine, each is ended by the agent whose phase it is, and a run that has ended is "
        "clean: no transaction open, no lock held, resolved only if healthy.",
        ("phase_order", "phase_roles", "open_in_phase", "terminal_is_clean", "resolved_is_healthy"),
    ),
    Theorem(
        "faithful undo",
        "The journal is a stack written ahead of the cluster; taking it all back leaves the configuration that would"
        " be there without the transaction (A2).",
        (
            "journal_depth",
            "stack_discipline",
            "owned_has_entry",
            "entry_is_faithful",
            "write_ahead",
            "nothing_outside",
            "abort_restores",
        ),
        (DURABLE, SERVER),
    ),
    Theorem(
        "TNR at commit",
        "Measuring and committing are two steps; severity at the commit's configuration is no worse than the shadow's, "
        "in the environment of the decision, whatever the environment did before and since.",
        ("commit_no_regression", "decision_stands", "foreign_invalidates", "commit_tnr"),
        (MEASURED, SERVER),
    ),
    Theorem(
        "TNR at abort",
        "After an abort the configuration is the shadow: as if the transaction had never been.",
        ("abort_tnr",),
        (DURABLE, SERVER),
    ),
    Theorem(
        "the paper's lemma",
        "In a quiet environment severity outside transactions never exceeds that of the first state: mu <= b.",
        ("quiet_shadow", "quiet_decision", "quiet_bound"),
        (CALM, MEASURED),
    ),
    Theorem(
        "robust TNR",
        "If every commit is no worse in all environments of a set E and the environment stays in E, severity outside "
        "transactions is never worse than if no transaction had ever been.",
        ("expected_environment", "robust_decision", "robust_chain", "robust_bound"),
        (EXPECTED,),
    ),
    Theorem(
        "crash safety",
        "A crash may fall at any step, in recovery too: nothing undo needs is lost, undo can be repeated, and the only "
        "way on is to undo. All other theorems hold through crashes.",
        ("crash_keeps", "restore_is_idempotent"),
        (DURABLE,),
    ),
    Theorem(
        "foreign writes",
        "Undo is compare-and-set per field: what somebody else wrote is never overwritten, every entry is put back or"
        " on record as a conflict, and a conflict escalates.",
        ("owned_writes_only", "foreign_is_kept", "conflict_is_recorded", "conflict_escalates"),
        (SERVER,),
    ),
    Theorem(
        "attempt memory",
        "The actions of an aborted transaction are not repeated from the same situation.",
        ("attempt_is_new", "failure_is_remembered"),
    ),
    Theorem(
        "termination",
        "A rank of bounded integers falls with every step of the machine, an agent or the server, and until the run"
        " has ended somebody can step: every fair run ends resolved or escalated.",
        ("rank_is_bounded", "rank_decreases", "rank_is_kept", "progress"),
        (FAIR,),
    ),
    Theorem(
        "faithful records",
        "What is recorded is what happened: checkpoints, entries, requests, decisions and failures say so exactly.",
        tuple(p.name for p in EFFECTS),
        (DURABLE,),
    ),
    Theorem(
        "frames",
        "Every variable is changed by the transitions that may change it, and by no other.",
        tuple(p.name for p in FRAMES),
    ),
)
