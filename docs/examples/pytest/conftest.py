"""A Matrix homeserver for each test session: `knockproof up --json` starts one, and it ends with the session."""

import json
import os
import subprocess

import pytest


@pytest.fixture(scope="session")
def world():
    """One homeserver with an owner, the bot's account, and rooms that both are in."""
    command = [os.environ.get("KNOCKPROOF", "knockproof"), "up", "--json"]
    # It ends when its standard input does: also when this process is killed.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as knockproof:
        line = knockproof.stdout.readline()
        if not line:
            pytest.exit(f"knockproof ended with exit status {knockproof.wait()}")
        yield json.loads(line)
        knockproof.stdin.close()
        assert knockproof.wait(timeout=60) == 0


@pytest.fixture
def owner(world):
    """The account of whoever made the rooms."""
    return next(account for account in world["accounts"] if account["name"] == "owner")


@pytest.fixture
def bot(world):
    """The account of the bot."""
    return next(account for account in world["accounts"] if account["name"] == "bot")
