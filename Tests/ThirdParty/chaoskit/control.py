"""The chaos control of a node: the Unix socket that debug and chaos builds open at ROOST_CHAOS_SOCKET."""
import socket
import time


class ControlFailure(Exception):
    """The node refused a command, or there is no control."""


def command(path, line, seconds=5, patience=0.0):
    """Sends one line and returns the answer's line. An end without an answer is no failure: `power-loss` ends the
    process that would answer. `patience`: seconds for which nobody may listen yet, as in a process that was just
    started."""
    end = time.monotonic() + patience
    while True:
        try:
            return _command(path, line, seconds)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            if time.monotonic() >= end:
                raise ControlFailure(f"{path}: {error}") from error
            time.sleep(0.05)


def _command(path, line, seconds):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(str(path))
            connection.sendall(line.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                piece = connection.recv(65536)
                if not piece:
                    break
                answer += piece
        except ConnectionResetError:
            answer = b""
        except (FileNotFoundError, ConnectionRefusedError):
            raise
        except OSError as error:
            raise ControlFailure(f"{path}: {error}") from error
    text = answer.decode(errors="replace").strip()
    if text.startswith("error"):
        raise ControlFailure(f"'{line}': {text}")
    return text
