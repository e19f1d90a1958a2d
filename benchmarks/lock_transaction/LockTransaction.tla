---- MODULE LockTransaction ----
(* The machine of machine.py for one writer: N possible faults, at most K flips, severity counts faults. *)
EXTENDS Integers, Sequences, FiniteSets
CONSTANTS N, K
VARIABLES phase, held, faults, checkpoint, stack

Flip(f) == IF f \in faults THEN faults \ {f} ELSE faults \union {f}
Close == phase' = "idle" /\ held' = FALSE /\ checkpoint' = faults /\ stack' = <<>> /\ UNCHANGED faults

Init == /\ phase = "idle" /\ held = FALSE
        /\ faults \in SUBSET (1..N) /\ checkpoint = faults /\ stack = <<>>

Next ==
  \/ ~held /\ held' = TRUE /\ UNCHANGED <<phase, faults, checkpoint, stack>>
  \/ held /\ phase = "idle" /\ phase' = "mitigation" /\ UNCHANGED <<held, faults, checkpoint, stack>>
  \/ /\ phase = "mitigation" /\ Len(stack) < K
     /\ \E f \in 1..N : faults' = Flip(f) /\ stack' = Append(stack, <<f, f \in faults>>)
     /\ UNCHANGED <<phase, held, checkpoint>>
  \/ phase = "mitigation" /\ Cardinality(faults) <= Cardinality(checkpoint) /\ Close
  \/ phase = "mitigation" /\ phase' = "undo" /\ UNCHANGED <<held, faults, checkpoint, stack>>
  \/ /\ phase = "undo" /\ stack # <<>>
     /\ LET entry == stack[Len(stack)]
        IN faults' = IF entry[2] THEN faults \union {entry[1]} ELSE faults \ {entry[1]}
     /\ stack' = SubSeq(stack, 1, Len(stack) - 1)
     /\ UNCHANGED <<phase, held, checkpoint>>
  \/ phase = "undo" /\ stack = <<>> /\ Close

NoRegression ==
  [][(phase # "idle" /\ phase' = "idle") => Cardinality(faults') <= Cardinality(checkpoint)]_<<phase, faults, checkpoint>>
Spec == Init /\ [][Next]_<<phase, held, faults, checkpoint, stack>>
====
