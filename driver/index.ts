/** The public door: everything a user of the library may import, by name. */
export * from "./door.ts";
export * from "./batch/door.ts";
export * from "./batch/fleet/door.ts";
export { type CopiedImage, copyImage, type CopyImageOptions } from "./copy/door.ts";
export { RegistryClient, type RegistryOptions } from "./registry/registry-client.ts";
export { login, type LoginOptions, logout } from "./registry/login.ts";
