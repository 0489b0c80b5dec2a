"""Runs a program on a terminal of its own, does to it what a user would, and prints what came of it as JSON.

    terminal.py END PROGRAM ARGUMENT...

END: quit (q is typed), interrupt (Ctrl-C), twice (Ctrl-C, and again at once), gone (the terminal goes away), panic-free otherwise.
"""
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

LARGE, SMALL = (30, 120), (9, 50)


def main():
    end, command = sys.argv[1], sys.argv[2:]
    master, slave = pty.openpty()
    resize(master, LARGE)
    before = termios.tcgetattr(slave)
    child = os.fork()
    if child == 0:
        os.close(master)
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for stream in range(3):
            os.dup2(slave, stream)
        os.execvp(command[0], command)
    if end == "gone":
        os.close(slave)
        slave = None
    shown = {"large": pump(master, b"Changes", 20)}
    told = {"is_raw": end == "gone" or not termios.tcgetattr(slave)[3] & termios.ICANON}
    resize(master, SMALL)
    shown["small"] = pump(master, None, 2)
    os.write(master, b"p")
    shown["paused"] = pump(master, b"PAUSED", 5)
    if end == "gone":
        os.close(master)
        shown["end"] = b""
    else:
        os.write(master, {"quit": b"q", "interrupt": b"\x03", "twice": b"\x03\x03"}[end])
        shown["end"] = pump(master, b"1049l", 20)
        time.sleep(0.2)
        shown["end"] += pump(master, None, 1)
        told["is_restored"] = termios.tcgetattr(slave) == before
    deadline = time.time() + 15
    status = None
    while status is None and time.time() < deadline:
        pid, raw = os.waitpid(child, os.WNOHANG)
        status = os.waitstatus_to_exitcode(raw) if pid else None
        time.sleep(0.05)
    if status is None:
        os.kill(child, 9)
    told["status"] = status
    told["shown"] = {name: text.decode("latin-1") for name, text in shown.items()}
    print(json.dumps(told))


def resize(terminal, size):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))


def pump(terminal, wanted, patience):
    """Everything that is written until this was, or for so many seconds."""
    seen, deadline = b"", time.time() + patience
    while time.time() < deadline and not (wanted and wanted in seen):
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                seen += os.read(terminal, 1 << 16)
            except OSError:
                break
    return seen


main()
