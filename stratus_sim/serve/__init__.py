"""A simulated cluster behind the Kubernetes API, for kubectl and for client libraries.

```python
from stratus_sim.serve import serve

with serve(world) as server:                 # 127.0.0.1, a free port; serve(world, port=0, speed=0, ...)
    config = server.kubeconfig(tmp_path / "config")   # KUBECONFIG for kubectl, `config.load_kube_config(str(path))`
    server.url                               # "http://127.0.0.1:PORT": plain HTTP, no credentials
    server.advance(30)                       # simulated seconds; from outside: POST /stratus/clock {"advance_s": 30}
    with server.touching() as world:         # the world under its one lock; watchers hear what was changed
        api.put(world, manifest, "somebody")
    server.world, server.lock                # the same, by hand
```                                          # close(): clock, watches, sockets, threads

At speed 0 time stands still between requests, but controllers react to a write within its instant. Every write is
audited under the client's fieldManager or User-Agent. Values of Secrets are redacted unless `show_secrets`; writing one
back as it was shown keeps its values. The HTTP Date header is the cluster's time: a day of 2025, or with
`dated_today`, as `stratus serve` has it, today, so that kubectl counts ages in simulated time.
"""

from stratus_sim.serve.running import RunningServer, serve

__all__ = ["RunningServer", "serve"]
