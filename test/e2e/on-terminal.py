"""on-terminal.py COMMAND...: runs it on a terminal of its own, typed for by lines of JSON on standard input: {"send": text},
{"expect": pattern}, {"size": [rows, columns]}, {"signal": number}, {"isAsBefore": null}, whether the terminal's modes are
those it had before, and {"end": null}; answers one line each."""
import fcntl, json, os, pty, re, select, struct, subprocess, sys, termios, time

master, slave = pty.openpty()


def resize(rows, columns):
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def answer(value):
    print(json.dumps(value), flush=True)


resize(*json.loads(sys.argv[1]))
before = termios.tcgetattr(slave)
child = subprocess.Popen(
    sys.argv[2:], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
)
seen = ""


def read_more(seconds):
    global seen
    if not select.select([master], [], [], seconds)[0]:
        return False
    seen += os.read(master, 65536).decode("utf-8", "replace")
    return True


for line in sys.stdin:
    order = json.loads(line)
    if "send" in order:
        os.write(master, order["send"].encode())
        answer(None)
    elif "size" in order:
        resize(*order["size"])
        answer(None)
    elif "signal" in order:
        child.send_signal(order["signal"])
        answer(None)
    elif "isAsBefore" in order:
        answer(termios.tcgetattr(slave) == before)
    elif "expect" in order:
        deadline = time.monotonic() + 100
        while not (found := re.search(order["expect"], seen, re.S)) and time.monotonic() < deadline:
            read_more(1)
        if found is None:
            answer({"missing": seen})
            continue
        seen = seen[found.end():]
        answer([found.group(0), *found.groups()])
    elif "end" in order:
        deadline = time.monotonic() + 100
        while child.poll() is None and time.monotonic() < deadline:
            read_more(0.05)
        answer(child.poll())
