/** When a blob is sent in pieces. */
export interface ChunkOptions {
  /** Blobs with fewer bytes are sent in one piece. */
  readonly leastBytes: number;
  /** Of a piece; so many of each upload are kept in memory. */
  readonly chunkBytes: number;
}

export const defaultChunks: ChunkOptions = { leastBytes: 64 * 1024 * 1024, chunkBytes: 8 * 1024 * 1024 };
