/* The machine of machine.py for one writer: N possible faults, at most K flips, severity counts faults.
   Each option of the loop is one step; `faults` is a set of bits and `severity` its size. */
#define IDLE 0
#define MITIGATION 1
#define UNDO 2

short faults, checkpoint;
byte severity, before, depth, phase;
byte flipped[K];
bool was[K], held;

inline close() { phase = IDLE; held = false; checkpoint = faults; before = severity }

active proctype writer() {
  byte f;
  atomic {  /* every initial set of faults */
    do
    :: f < N -> if :: faults = faults | (1 << f); severity++ :: skip fi; f++
    :: else -> break
    od;
    f = 0; checkpoint = faults; before = severity
  }
end:
  do
  :: d_step { !held -> held = true }
  :: d_step { held && phase == IDLE -> phase = MITIGATION }
  :: atomic {
       phase == MITIGATION && depth < K ->
       do :: f < N - 1 -> f++ :: break od;
       d_step {
         flipped[depth] = f; was[depth] = (faults >> f) & 1;
         if :: was[depth] -> severity-- :: else -> severity++ fi;
         faults = faults ^ (1 << f); depth++; f = 0
       }
     }
  :: d_step {
       phase == MITIGATION && severity <= before ->
       do :: depth > 0 -> depth--; flipped[depth] = 0; was[depth] = false :: else -> break od;
       assert(severity <= before);
       close()
     }
  :: d_step { phase == MITIGATION -> phase = UNDO }
  :: d_step {
       phase == UNDO && depth > 0 ->
       depth--;
       if
       :: was[depth] -> faults = faults | (1 << flipped[depth]); severity++
       :: else -> faults = faults & ~(1 << flipped[depth]); severity--
       fi;
       flipped[depth] = 0; was[depth] = false
     }
  :: d_step { phase == UNDO && depth == 0 -> assert(severity <= before); close() }
  od
}
