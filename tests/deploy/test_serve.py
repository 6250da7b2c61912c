"""The supervisor keeps web and engine alive, and ends them, whatever is killed."""

import os
import signal
import socket
import time

import httpx

from tests.deploy.conftest import House, is_alive, processes_of, wait_for


def test_prints_the_address_once_the_web_server_answers(house: House) -> None:
    house.serve_until_ready()
    assert httpx.get(f"{house.url}/health").status_code == 200
    assert f"Switchyard is ready at {house.url}\n" in house.output()
    wait_for(house.engine_pids, "engine")


def test_runs_setup_before_anything_else(house: House) -> None:
    house.serve_until_ready()
    assert house.output().startswith("stub setup\n")


def test_a_failed_setup_ends_it_with_one_line(house: House) -> None:
    process = house.serve(STUB_SETUP_STATUS="3")
    assert process.wait(20) == 1
    assert house.output().splitlines()[1:] == [
        "Switchyard: The instance could not be set up; see above."
    ]
    assert house.engine_pids() == []


def test_sigterm_during_setup_ends_it(house: House) -> None:
    process = house.serve(STUB_SETUP_SECONDS="1000")
    wait_for(lambda: "stub setup" in house.output(), "setup")
    process.terminate()
    assert process.wait(10) == 0
    wait_for(lambda: not processes_of(house.root), "end of all processes")


def test_sigterm_ends_all_children(house: House) -> None:
    process = house.serve_until_ready()
    wait_for(house.engine_pids, "engine")
    process.terminate()
    assert process.wait(10) == 0
    assert processes_of(house.root) == []


def test_ctrl_c_ends_all_children_without_a_traceback(house: House) -> None:
    process = house.serve_until_ready()
    wait_for(house.engine_pids, "engine")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(10) == 0
    assert processes_of(house.root) == []
    assert "Traceback" not in house.output()


def test_a_child_that_ignores_sigterm_is_killed_within_ten_seconds(house: House) -> None:
    process = house.serve_until_ready(STUB_ENGINE_IGNORES_SIGTERM="1")
    wait_for(house.engine_pids, "engine")
    wait_for((house.instance / "engine.beat").exists, "beat")
    process.terminate()
    assert process.wait(10) == 0
    assert processes_of(house.root) == []


def test_a_killed_engine_starts_again(house: House) -> None:
    house.serve_until_ready()
    wait_for(house.engine_pids, "engine")
    os.kill(house.engine_pids()[0], signal.SIGKILL)
    wait_for(lambda: len(house.engine_pids()) == 2, "second engine")
    assert "The engine was ended by SIGKILL, starting it again in 0.1 s" in house.output()


def test_an_engine_that_keeps_failing_starts_ever_more_slowly(house: House) -> None:
    house.serve(STUB_ENGINE_STATUS="7")
    line = "The engine ended with status 7, starting it again in"
    wait_for(lambda: f"{line} 0.8 s" in house.output(), "fourth restart")
    lines = [part for part in house.output().splitlines() if line in part]
    assert [part.split()[-2] for part in lines[:4]] == ["0.1", "0.2", "0.4", "0.8"]


def test_an_engine_that_stops_beating_is_killed_and_replaced(house: House) -> None:
    house.serve_until_ready()
    wait_for((house.instance / "engine.beat").exists, "beat")
    first = house.engine_pids()[0]
    (house.instance / "stop-beating").touch()
    wait_for(lambda: len(house.engine_pids()) == 2, "second engine", seconds=20)
    assert not is_alive(first)
    assert "The engine has stopped responding, killing it" in house.output()


def test_a_killed_gunicorn_master_is_replaced_and_leaves_no_worker(house: House) -> None:
    house.serve_until_ready()
    worker, master = house.web_pids()
    # A worker that can't notice by itself that its master is gone.
    os.kill(worker, signal.SIGSTOP)
    os.kill(master, signal.SIGKILL)
    wait_for(lambda: not is_alive(worker), "end of the old worker")
    assert house.web_pids()[1] != master


def test_killed_workers_are_replaced_by_their_master(house: House) -> None:
    house.serve_until_ready()
    worker, master = house.web_pids()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not is_alive(worker), "end of the worker")
    assert house.web_pids()[1] == master


def test_no_client_is_refused_while_the_web_server_is_replaced(house: House) -> None:
    house.serve_until_ready()
    _, master = house.web_pids()
    os.kill(master, signal.SIGKILL)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        socket.create_connection(("127.0.0.1", house.port), timeout=5).close()
    assert house.web_pids()[1] != master


def test_clients_are_refused_as_soon_as_it_stops(house: House) -> None:
    process = house.serve_until_ready(STUB_ENGINE_IGNORES_SIGTERM="1")
    wait_for((house.instance / "engine.beat").exists, "beat")
    process.terminate()
    wait_for(lambda: _is_refused(house.port), "refusal", seconds=5)
    assert process.poll() is None


def test_children_end_when_the_supervisor_is_killed(house: House) -> None:
    process = house.serve_until_ready()
    wait_for(house.engine_pids, "engine")
    process.kill()
    wait_for(lambda: not processes_of(house.root), "end of all processes", seconds=10)


def test_starts_again_right_after_it_was_killed(house: House) -> None:
    process = house.serve_until_ready()
    process.kill()
    process.wait()
    house.serve_until_ready()
    assert httpx.get(f"{house.url}/health").status_code == 200


def test_a_second_one_on_the_same_instance_is_refused(house: House) -> None:
    first = house.serve_until_ready()
    second = house.serve()
    assert second.wait(10) == 1
    assert house.output() == (
        f"Switchyard: Process {first.pid} serves this instance already: {house.instance}\n"
    )
    assert httpx.get(f"{house.url}/health").status_code == 200


def test_a_taken_port_is_one_clear_line(house: House) -> None:
    with socket.create_server(("127.0.0.1", house.port)):
        process = house.serve()
        assert process.wait(10) == 1
    assert house.output() == (
        f"Switchyard: Can't listen on 127.0.0.1:{house.port}: Address already in use. "
        "SWITCHYARD_BIND=HOST:PORT sets another address.\n"
    )


def test_a_bad_setting_is_one_clear_line(house: House) -> None:
    process = house.serve(SWITCHYARD_WORKERS="many")
    assert process.wait(10) == 1
    [line] = house.output().splitlines()
    assert line.startswith("Switchyard: SWITCHYARD_WORKERS: ")


def test_an_instance_path_of_200_characters_works(house: House) -> None:
    deep = house.root / ("a" * 100) / ("b" * 100)
    house.serve_until_ready(SWITCHYARD_INSTANCE_PATH=str(deep))
    wait_for((deep / "engine.beat").exists, "beat")


def test_stops_though_a_client_holds_a_connection_open(house: House) -> None:
    process = house.serve_until_ready()
    with socket.create_connection(("127.0.0.1", house.port)) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        process.terminate()
        assert process.wait(10) == 0
    assert processes_of(house.root) == []


def test_make_passes_signals_on(house: House) -> None:
    for send in (_terminate_make_alone, _press_ctrl_c):
        process = house.serve_until_ready(make=True)
        wait_for(house.engine_pids, "engine")
        send(process.pid)
        process.wait(10)
        wait_for(lambda: not processes_of(house.root), "end of all processes", seconds=1)
        assert "Traceback" not in house.output()


def _terminate_make_alone(make_pid: int) -> None:
    os.kill(make_pid, signal.SIGTERM)


def _press_ctrl_c(make_pid: int) -> None:
    os.killpg(make_pid, signal.SIGINT)


def _is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    return False
