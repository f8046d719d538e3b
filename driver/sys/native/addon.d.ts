/**
 * The addon's functions, side by side with binding.c: same names, same order of arguments. Each makes one system call
 * (retried on EINTR) and returns its result or a negative errno; none throws for a failed call, none holds state.
 * Paths are NUL-free byte arrays; -1 nowhere means "absent", a null does.
 */
export interface Addon {
  readonly todo: never;
}
