"""One small machine for several model checkers: the write lock and one transaction over N possible faults.

Take the lock, checkpoint, flip at most K faults (each journaled in an undo stack), then commit if severity did not go
up, or undo everything. At every end severity must be no worse than at the beginning, from every initial set of faults.
`machine.py` is ours, `model.pml` is for Spin, `LockTransaction.tla` for TLC: the same states and steps.
"""
