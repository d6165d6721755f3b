"""Processes that submit and collect batches, each of which dies at a call by SIGKILL.

python -m tests.llm.dying DATABASE_URL LLM_URL

Reads `NUMBER MODULE:NAME NTH BEFORE|AFTER` from standard input, line by line; for each a fork asks
that many questions, and how it ended is written to standard output.
"""

import os
import sys

from dynosaur_etl.store.database import connect
from tests.flows.killed_run import arm
from tests.llm.asking import DAY
from tests.llm.batches import collect, make_batch_ledger, make_client, questions


def main(database_url: str, llm_url: str) -> None:
    for line in sys.stdin:
        number, target, nth, moment = line.split()
        child = os.fork()
        if child == 0:
            arm(target, int(nth), moment)
            client = make_client(llm_url, make_batch_ledger(connect(database_url)), shard_lines=4)
            collect(client, client.submit(questions(int(number)), DAY))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
