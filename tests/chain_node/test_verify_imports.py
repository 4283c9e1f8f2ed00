"""An offline verifier needs the protocol's core, four packages and the standard library; nothing else is imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

ALLOWED = {"cryptography", "eth_hash", "coincurve", "rfc8785"}
# What those bring along: the Keccak backend, and the C bindings of OpenSSL and libsecp256k1.
BROUGHT_ALONG = {"Crypto", "_cffi_backend", "_openssl", "cffi", "pycparser", "_libsecp256k1", "typing_extensions"}

SCRIPT = """
import json, sys
before = set(sys.modules)
import {module}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.mark.parametrize("module", ["chain_node.protocol.bundle", "chain_node.protocol.replay", "chain_node.catalogue"])
def test_what_a_verifier_imports(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(module=module)], capture_output=True, text=True, check=True
    )
    modules = json.loads(done.stdout)
    rooms = {name for name in modules if name.split(".")[0] in ("chain_node", "oracle", "api", "luya")}
    own = ("chain_node.protocol", "chain_node.catalogue")
    assert {name for name in rooms if name != "chain_node" and not name.startswith(own)} == set()
    if module == "chain_node.protocol.bundle":
        assert not any(name.startswith("chain_node.catalogue") for name in rooms)
    tops = {name.split(".")[0] for name in modules} - {"chain_node"}
    strangers = tops - ALLOWED - BROUGHT_ALONG - set(sys.stdlib_module_names) - {"__mp_main__"}
    assert strangers == set()
