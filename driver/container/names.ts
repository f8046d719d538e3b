/** Names of containers: the rule for given ones, and made-up ones. */
import { randomInt } from "node:crypto";
import { StorageError } from "../base/errors.ts";

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const maxNameLength = 255;

/** @throws {StorageError} ERR_INVALID_ARGUMENT */
export function checkName(name: string): void {
  if (namePattern.test(name) && name.length <= maxNameLength) return;
  throw new StorageError(
    "ERR_INVALID_ARGUMENT",
    `cannot name a container ${JSON.stringify(name.slice(0, 100))}: want 2 to 255 of [a-zA-Z0-9_.-], the first a letter or digit`,
  );
}

const adjectives = [
  ...["amber", "brisk", "calm", "candid", "clever", "cosy", "crisp", "deft", "eager", "fair", "fleet", "frank"],
  ...["gentle", "glad", "hardy", "humble", "jolly", "keen", "kind", "lively", "lucid", "merry", "mild", "neat"],
  ...["nimble", "patient", "placid", "plucky", "proud", "quick", "quiet", "ready", "robust", "serene", "sharp"],
  ...["silent", "sincere", "sober", "steady", "sturdy", "sunny", "tidy", "vivid", "warm", "wise", "witty", "zesty"],
];

const surnames = [
  ...["abel", "babbage", "backus", "bayes", "boole", "borg", "cantor", "cerf", "church", "conway", "curie", "darwin"],
  ...["dijkstra", "engelbart", "erdos", "euler", "faraday", "fermat", "fourier", "galois", "gauss", "goedel"],
  ...["hamming", "hilbert", "hoare", "hopper", "huffman", "jacobi", "kepler", "knuth", "lamport", "laplace", "liskov"],
  ...[
    "lovelace",
    "markov",
    "maxwell",
    "meitner",
    "merkle",
    "milner",
    "napier",
    "newton",
    "noether",
    "pascal",
    "perlman",
  ],
  ...["planck", "poincare", "ritchie", "shannon", "shor", "tarjan", "turing", "wiener", "wirth", "zuse"],
];

/** `adjective_surname`; from the third attempt on with a number, so that a crowded store still finds a free one. */
export function makeUpName(attempt: number): string {
  const name = `${pick(adjectives)}_${pick(surnames)}`;
  return attempt < 2 ? name : `${name}${randomInt(10 ** Math.min(attempt, 9))}`;
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "";
}
