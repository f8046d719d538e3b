/** What the readers of all formats are given. */
export interface SetContext {
  /** Where relative paths of the file start. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}
