/** Terminals: pairs of our own, their sizes and modes (ioctl_tty(2), termios(3)). */
import { addon } from "./addon.ts";
import { O_CLOEXEC, O_NOCTTY, O_RDWR } from "./constants.ts";
import { check } from "./errno.ts";
import { AT_FDCWD, closeFd, openat } from "./linux.ts";

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface PseudoTerminal {
  readonly masterFd: number;
  /** What the program gets. */
  readonly slaveFd: number;
}

const TCGETS = 0x5401;
const TCSETSW = 0x5403;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TIOCSPTLCK = 0x40045431;

/** Bytes of the kernel's struct termios: four words of flags, the line discipline, 19 characters. */
const termiosBytes = 36;
const [inputFlags, outputFlags, controlFlags, localFlags, characters] = [0, 4, 8, 12, 17];
const [VTIME, VMIN] = [5, 6];

/** cfmakeraw(3) says which. */
const cooked = {
  input: 0o1 | 0o2 | 0o10 | 0o40 | 0o100 | 0o200 | 0o400 | 0o2000,
  output: 0o1,
  control: 0o60 | 0o400,
  local: 0o1 | 0o2 | 0o10 | 0o100 | 0o100000,
} as const;
const CS8 = 0o60;

/** Neither end becomes our controlling terminal; both are closed by the caller. */
export function openPseudoTerminal(size: TerminalSize): PseudoTerminal {
  const masterFd = openat(AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY);
  try {
    check(addon.ioctlBytes(masterFd, TIOCSPTLCK, new Uint8Array(termiosBytes)), "ioctl");
    const slaveFd = check(addon.terminalPeer(masterFd, O_RDWR | O_NOCTTY | O_CLOEXEC), "ioctl");
    setTerminalSize(masterFd, size);
    return { masterFd, slaveFd };
  } catch (error) {
    closeFd(masterFd);
    throw error;
  }
}

/** Undefined for what is no terminal, and for one that does not know: 0 rows or columns. */
export function terminalSize(fd: number): TerminalSize | undefined {
  const bytes = new Uint8Array(termiosBytes);
  if (addon.ioctlBytes(fd, TIOCGWINSZ, bytes) < 0) return undefined;
  const view = new DataView(bytes.buffer);
  const size = { rows: view.getUint16(0, isLittle), columns: view.getUint16(2, isLittle) };
  return size.rows === 0 || size.columns === 0 ? undefined : size;
}

/** A terminal that is gone by now is fine. */
export function setTerminalSize(fd: number, { rows, columns }: TerminalSize): void {
  const bytes = new Uint8Array(termiosBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, rows, isLittle);
  view.setUint16(2, columns, isLittle);
  addon.ioctlBytes(fd, TIOCSWINSZ, bytes);
}

/** Every byte goes through as it is, both ways. Undo it with the returned function; undefined for no terminal. */
export function makeRaw(fd: number): (() => void) | undefined {
  const before = new Uint8Array(termiosBytes);
  if (addon.ioctlBytes(fd, TCGETS, before) < 0) return undefined;
  const raw = before.slice();
  const view = new DataView(raw.buffer);
  const clear = (offset: number, flags: number): void => {
    view.setUint32(offset, view.getUint32(offset, isLittle) & ~flags, isLittle);
  };
  clear(inputFlags, cooked.input);
  clear(outputFlags, cooked.output);
  clear(controlFlags, cooked.control);
  clear(localFlags, cooked.local);
  view.setUint32(controlFlags, view.getUint32(controlFlags, isLittle) | CS8, isLittle);
  raw[characters + VMIN] = 1;
  raw[characters + VTIME] = 0;
  check(addon.ioctlBytes(fd, TCSETSW, raw), "ioctl");
  return () => {
    addon.ioctlBytes(fd, TCSETSW, before);
  };
}

const isLittle = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
