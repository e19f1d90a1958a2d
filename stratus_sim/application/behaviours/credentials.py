"""What a client logs in with, read from its environment as its driver would.

Forms: a URL (`postgres://user:password@host/db?sslmode=require`), pairs in one text (`Host=h;Username=u;Password=p`),
Go's MySQL form (`user:password@tcp(host:3306)/db`), and variables beside the one that holds the address (`DB_HOST`,
`DB_USER`, `DB_PASSWORD`), or called as the driver expects them (`PGUSER`, `SPRING_DATASOURCE_PASSWORD`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from stratus_sim.manifests.addresses import name_words
from stratus_sim.manifests.calls import Call


class Login(NamedTuple):
    """`encrypted` says whether TLS is asked for; None leaves it to the driver."""

    user: str
    password: str
    database: str = ""
    encrypted: bool | None = None


_URL = re.compile(r"[A-Za-z][\w+.-]*://([^/\s?#]*)@[^/\s?#]*(?:/([^\s?#;]*))?")
_GO = re.compile(r"^([^:@/\s]+):([^@\s]*)@(?:tcp)?\([^)]*\)/([^?\s]*)")
_USER = re.compile(r"(?i)(?:^|[;\s?&])(?:user(?:\s?name)?|user\s?id|uid)\s*=\s*([^;\s&]+)")
_PASSWORD = re.compile(r"(?i)(?:^|[;\s?&])(?:password|pwd|pass)\s*=\s*([^;\s&]+)")
_DATABASE = re.compile(r"(?i)(?:^|[;\s?&])(?:database|dbname|initial catalog)\s*=\s*([^;\s&]+)")
_ENCRYPTED = re.compile(r"(?i)\b(?:ssl[\s_-]?mode|ssl|tls|usessl)\s*=\s*([\w-]+)")
_PLAIN = frozenset({"disable", "disabled", "false", "0", "none", "off"})
_LENIENT = frozenset({"prefer", "preferred", "allow"})
_USER_WORDS = (["user"], ["username"], ["user", "name"])
_PASSWORD_WORDS = (["password"], ["pass"], ["pwd"], ["passwd"])
_DRIVER_PREFIXES = (
    ["postgres"], ["postgresql"], ["mysql"], ["mongo"], ["mongodb"], ["redis"], ["db"], ["database"],
    ["spring", "datasource"], ["spring", "data", "mongodb"],
)  # fmt: skip


def login(env: Mapping[str, str], call: Call) -> Login | None:
    """What a process with this environment logs in with where `call` leads; None when nothing there tells."""
    return _login(tuple(env.items()), call.via, call.target)


@lru_cache(maxsize=4096)
def _login(items: tuple[tuple[str, str], ...], via: str, target: str) -> Login | None:
    env = dict(items)
    place, _, name = via.partition(":")
    stated = [env[name]] if place == "env" and name in env else []
    host = re.compile(rf"(?<![\w-]){re.escape(target)}(?![\w-])")
    texts = [*stated, *(value for key, value in items if key != name and host.search(value))]
    found = next(filter(None, map(_in_text, texts)), None) or _beside(env, name)
    asked = next(filter(None, map(_asked, [*texts, f"sslmode={env.get('PGSSLMODE', '')}"])), "")
    return found and found._replace(encrypted={"tls": True, "plain": False}.get(asked))


def _in_text(text: str) -> Login | None:
    url, go = _URL.search(text), _GO.search(text)
    if url is not None:
        user, _, password = url[1].partition(":")
        return Login(unquote(user), unquote(password), url[2] or "")
    if go is not None:
        return Login(go[1], go[2], go[3])
    user_in, password_in, database = _USER.search(text), _PASSWORD.search(text), _DATABASE.search(text)
    if password_in is None:
        return None
    return Login(user_in[1] if user_in else "", password_in[1], database[1] if database else "")


def _asked(text: str) -> str:
    """Whether a text asks for TLS: "tls", "plain", "lenient", or "" where it says nothing."""
    if re.search(r"\b(?:rediss|amqps|mongodb\+srv)://", text):
        return "tls"
    found = _ENCRYPTED.search(text)
    word = found[1].lower() if found else ""
    return "" if not word else "plain" if word in _PLAIN else "lenient" if word in _LENIENT else "tls"


def _beside(env: Mapping[str, str], name: str) -> Login | None:
    """From variables of their own: those called like the address's, else those a driver looks for."""
    words = {key: name_words(key) for key in env}
    for prefix in _prefixes(name):
        users = [key for key in env for end in _USER_WORDS if words[key] == [*prefix, *end]]
        passwords = [key for key in env for end in _PASSWORD_WORDS if words[key] == [*prefix, *end]]
        if passwords:
            return Login(env[users[0]] if users else "", env[passwords[0]])
    if env.get("PGPASSWORD"):
        return Login(env.get("PGUSER", "postgres"), env["PGPASSWORD"], env.get("PGDATABASE", ""))
    return None


def _prefixes(name: str) -> Iterator[list[str]]:
    words = name_words(name)[:-1]
    if words:
        yield words
    yield from _DRIVER_PREFIXES
