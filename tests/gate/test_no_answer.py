"""No way to the cluster, or nothing to be had from it: one message, exit code 2, no file left."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import msgspec
import pytest

from stratus_sim.adapters.kubernetes import connection
from stratus_sim.errors import UserError
from tests.adapters.proxy import Answer, proxied, redirected
from tests.adapters.served import Live
from tests.gate import plans


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kubeconfig", "nowhere"], "nowhere: no such file; expected a kubeconfig"),
        (["--kubeconfig", "empty"], "empty: is no usable kubeconfig"),
        (["--kubeconfig", "refusing"], "Connection refused"),
        (["--kubeconfig", "good", "--context", "other"], "other"),
    ],
)
def test_no_way_to_the_cluster(words: list[str], said: str, stratus, shop: Live) -> None:
    plans.written(Path("plan.yaml"), *plans.GOOD)
    Path("empty").write_text("")
    Path("good").write_text(shop.kubeconfig.read_text())
    redirected(shop.kubeconfig, "http://127.0.0.1:1", Path("refusing"))
    ran = stratus("gate", "plan.yaml", *words)
    assert ran.code == 2 and said in ran.err and len(ran.err.splitlines()) == 1
    assert not Path("certificate.json").exists()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("cut", "the answer broke off (ProtocolError)"),
        ("before", "closed connection without response"),
        (401, "credentials are not accepted"),
        (403, "Forbidden: says the proxy (HTTP 403)"),
        (429, "TooManyRequests: says the proxy (HTTP 429)"),
        (500, "InternalError: says the proxy (HTTP 500)"),
        ("late", "timed out"),
    ],
)
def test_a_server_nothing_can_be_had_from(answer: Answer, said: str, stratus, shop: Live, monkeypatch) -> None:
    """Not even what it serves."""
    plans.written(Path("plan.yaml"), *plans.GOOD)
    over = threading.Event()
    monkeypatch.setattr(connection, "TIMEOUT_S", (0.5, 0.5))

    def rule(_method: str, _path: str) -> Answer:
        return answer if answer != "late" else over.wait(8) and None

    with proxied(shop.server.url, rule) as url:
        ran = stratus("gate", "plan.yaml", "--kubeconfig", redirected(shop.kubeconfig, url, Path("proxied")))
        over.set()
    assert ran.code == 2 and said in ran.err and len(ran.err.splitlines()) == 1
    assert sorted(path.name for path in Path().iterdir()) == ["kubeconfig", "plan.yaml", "proxied"]


def test_an_extension_server_that_is_down_is_no_obstacle(shop: Live, tmp_path: Path) -> None:
    """metrics.k8s.io without its server, as many clusters have it; a kind of the plan is another matter."""
    shop.put({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "one", "namespace": "shop"}})
    with proxied(shop.server.url, lambda _method, path: 503 if "example.org" in path else None) as url:
        target = shop._replace(kubeconfig=redirected(shop.kubeconfig, url, tmp_path / "proxied")).target
        assert target.open().objects
        with pytest.raises(UserError, match="serves no kind 'Widget'"):
            msgspec.structs.replace(target, kinds=("Widget",)).open()


@pytest.mark.parametrize("code", [401, 403])
def test_not_allowed_to_read(code: int, stratus, shop: Live) -> None:
    plans.written(Path("plan.yaml"), *plans.GOOD)
    with proxied(shop.server.url, lambda _method, path: code if path.endswith("/secrets") else None) as url:
        config = redirected(shop.kubeconfig, url, Path("proxied"))
        ran = stratus("gate", "plan.yaml", "--kubeconfig", config)
    assert ran.code == 2 and len(ran.err.splitlines()) == 1
    assert ("may not list secrets" if code == 403 else "credentials are not accepted") in ran.err


def test_without_the_client_the_extra_is_named(stratus, shop: Live, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    plans.written(Path("plan.yaml"), *plans.GOOD)
    ran = stratus("gate", "plan.yaml", "--kubeconfig", shop.kubeconfig)
    assert ran.code == 2 and "pip install 'stratus-tnr[cluster]'" in ran.err
