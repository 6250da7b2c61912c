"""Request rates of keys, over several web workers."""

import time
from concurrent.futures import ThreadPoolExecutor

CLIENTS = 8
LIMIT = 4


def test_a_rate_is_exact_for_simultaneous_clients_of_several_workers(server):
    _, client = server.key(max_per_sec=LIMIT)
    headers = {"X-API-Key": client.headers["X-API-Key"]}

    def ask(_number):
        before = int(time.time())
        reply = server.get("get_tags", server.client_with(None), headers=headers)
        return before, reply.status_code, int(time.time())

    with ThreadPoolExecutor(CLIENTS) as pool:
        replies = list(pool.map(ask, range(CLIENTS * 15)))

    assert {status for _, status, _ in replies} == {200, 429}
    passed = [(begun, ended) for begun, status, ended in replies if status == 200]
    seconds = replies[-1][2] - replies[0][0] + 1
    # Every second lets exactly so many through, and the first and the last may have been short.
    assert len(passed) <= LIMIT * seconds
    for second in {begun for begun, _ in passed}:
        certain = [one for one in passed if one == (second, second)]
        assert len(certain) <= LIMIT
