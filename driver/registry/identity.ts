/** What proves to a registry who we are. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** To be traded for access tokens at the token server. */
  | { readonly kind: "identity-token"; readonly token: string }
  /** Goes to the registry as it is. */
  | { readonly kind: "registry-token"; readonly token: string };

/** As it can be kept: in a file, or by a helper. */
export type KeptCredentials = Exclude<Credentials, { readonly kind: "registry-token" }>;
