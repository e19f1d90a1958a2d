"""Terms may be collected in one thread while another one solves."""

import subprocess
import sys

LITTER = """
import gc, threading
import z3
import stratus_spec

def litter(count):
    for number in range(count):
        cycle = {"terms": z3.And([z3.Bool(f"{number} {index}") for index in range(50)])}
        cycle["itself"] = cycle

def collect():
    while not done.wait(0.001):
        gc.collect()

gc.disable()
done = threading.Event()
collector = threading.Thread(target=collect)
collector.start()
for number in range(3):
    litter(100)
    solver = z3.SolverFor("QF_FD")
    solver.set(timeout=100)
    words = [z3.BitVec(f"{number} {index}", 8) for index in range(20)]
    solver.add(z3.Distinct(words), *(z3.ULT(word, 19) for word in words[:19]), sum(words[1:], words[0]) == 7)
    solver.check()
done.set()
collector.join()
"""
"""Garbage with terms in it, collected by a thread beside the one that solves."""


def test_terms_may_be_collected_while_another_thread_solves():
    ended = subprocess.run([sys.executable, "-c", LITTER], capture_output=True, timeout=30, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
