import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../../../driver/metadata/database.ts";
import { migrations, type ImageRow } from "../../../driver/metadata/schema.ts";

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "metadata-"));
  path = join(dir, "store", "metadata.db");
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

function damage(file: string, offsetBytes: number, sizeBytes: number): void {
  const fd = openSync(file, "r+");
  writeSync(fd, Buffer.alloc(sizeBytes, 0xff), 0, sizeBytes, offsetBytes);
  closeSync(fd);
}

const insertImage = "INSERT INTO images VALUES (?, 'sha256:aa', 'm', 5, ?, ?)";

describe("openDatabase", () => {
  it("makes the directory and file for their owner alone", () => {
    openDatabase(path, { durability: "full" }).close();
    expect(statSync(join(dir, "store")).mode & 0o777).toBe(0o700);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("syncs every commit only with durability full", () => {
    const levels = (["full", "none"] as const).map((durability) => {
      using database = openDatabase(path, { durability });
      return database.read((sql) => sql.get<{ synchronous: number }>("PRAGMA synchronous")?.synchronous);
    });
    expect(levels).toEqual([2, 1]);
  });

  it("keeps what was written when opened again", () => {
    const first = openDatabase(path, { durability: "full" });
    first.write((sql) => sql.run(insertImage, "a", 1n, 2n));
    first.close();
    using second = openDatabase(path, { durability: "none" });
    expect(second.read((sql) => sql.all<ImageRow>("SELECT * FROM images"))).toEqual([
      { name: "a", manifest_digest: "sha256:aa", media_type: "m", size: 5, created_ns: 1n, updated_ns: 2n },
    ]);
  });

  it("refuses a database of a newer version and leaves it as it is", () => {
    openDatabase(path, { durability: "none" }).close();
    const handle = new DatabaseSync(path);
    handle.exec(`PRAGMA user_version = ${migrations.length + 1}`);
    handle.close();
    expect(() => openDatabase(path, { durability: "none" })).toThrow(
      expect.objectContaining({
        code: "ERR_FAILED_PRECONDITION",
        message: expect.stringContaining("schema version 2") as string,
      }),
    );
  });

  it("tells a file that is no database as data loss", () => {
    openDatabase(path, { durability: "none" }).close();
    writeFileSync(path, "x".repeat(8192));
    expect(() => openDatabase(path, { durability: "none" })).toThrow(
      expect.objectContaining({ code: "ERR_DATA_LOSS" }),
    );
  });

  it("tells a damaged page as data loss when it is read", () => {
    const database = openDatabase(path, { durability: "none" });
    database.write((sql) => {
      for (let n = 0; n < 500; n++) sql.run(insertImage, `image-${n}`, 1n, 1n);
    });
    database.close();
    const handle = new DatabaseSync(path);
    const { root } = handle.prepare("SELECT rootpage AS root FROM sqlite_schema WHERE name = 'images'").get() as {
      root: number;
    };
    const { size } = handle.prepare("SELECT page_size AS size FROM pragma_page_size").get() as { size: number };
    handle.close();
    damage(path, (root - 1) * size, size);
    using damaged = openDatabase(path, { durability: "none" });
    expect(() => damaged.read((sql) => sql.all("SELECT * FROM images"))).toThrow(
      expect.objectContaining({ code: "ERR_DATA_LOSS" }),
    );
  });

  it("lets processes that create it at the same moment all succeed", async () => {
    const script = `
      import { openDatabase } from ${JSON.stringify(join(import.meta.dirname, "../../../driver/metadata/database.ts"))};
      const database = openDatabase(process.argv[1], { durability: "none" });
      for (let n = 0; n < 50; n++) database.write((sql) => sql.run(${JSON.stringify(insertImage)}, process.pid + "-" + n, 1n, 1n));
      database.close();`;
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ["--input-type=module", "-e", script, path], { stdio: ["ignore", "inherit", "inherit"] }),
    );
    const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0] as number));
    expect(codes).toEqual([0, 0, 0, 0]);
    using database = openDatabase(path, { durability: "none" });
    expect(database.read((sql) => sql.get("SELECT count(*) AS n FROM images"))).toEqual({ n: 200 });
  });
});

describe("Database", () => {
  it("reads columns of nanoseconds exactly and all other integers as numbers", () => {
    using database = openDatabase(path, { durability: "none" });
    const createdNs = 1_234_567_890_123_456_789n;
    database.write((sql) => sql.run(insertImage, "a", createdNs, -1n));
    const row = database.read((sql) => sql.get<ImageRow>("SELECT * FROM images"));
    expect(row).toMatchObject({ size: 5, created_ns: createdNs, updated_ns: -1n });
  });

  it("undoes a transaction that throws and stays usable", () => {
    using database = openDatabase(path, { durability: "none" });
    const attempt = () =>
      database.write((sql) => {
        sql.run(insertImage, "a", 1n, 1n);
        throw new RangeError("stop");
      });
    expect(attempt).toThrow(RangeError);
    expect(database.read((sql) => sql.all("SELECT name FROM images"))).toEqual([]);
    expect(database.write((sql) => sql.run(insertImage, "a", 1n, 1n))).toBe(1);
  });

  it("undoes a transaction that is asynchronous", () => {
    using database = openDatabase(path, { durability: "none" });
    expect(() => database.write((sql) => Promise.resolve(sql.run(insertImage, "a", 1n, 1n)))).toThrow(TypeError);
    expect(database.read((sql) => sql.all("SELECT name FROM images"))).toEqual([]);
  });

  it("names broken unique and foreign keys by their codes", () => {
    using database = openDatabase(path, { durability: "none" });
    database.write((sql) => sql.run(insertImage, "a", 1n, 1n));
    expect(() => database.write((sql) => sql.run(insertImage, "a", 1n, 1n))).toThrow(
      expect.objectContaining({ code: "ERR_ALREADY_EXISTS" }),
    );
    const orphan =
      "INSERT INTO snapshots (name, parent_id, kind, created_ns, updated_ns) VALUES ('x', 9, 'view', 0, 0)";
    expect(() => database.write((sql) => sql.run(orphan))).toThrow(
      expect.objectContaining({ code: "ERR_FAILED_PRECONDITION" }),
    );
  });

  it("read sees one state while another connection writes", () => {
    using reader = openDatabase(path, { durability: "none" });
    using writer = openDatabase(path, { durability: "none" });
    const count = reader.read((sql) => {
      const before = sql.get<{ n: number }>("SELECT count(*) AS n FROM images")?.n;
      writer.write((other) => other.run(insertImage, "a", 1n, 1n));
      return [before, sql.get<{ n: number }>("SELECT count(*) AS n FROM images")?.n];
    });
    expect(count).toEqual([0, 0]);
  });

  it("is unavailable after close, which may be called twice", () => {
    const database = openDatabase(path, { durability: "none" });
    database.close();
    database.close();
    expect(() => database.read(() => 1)).toThrow(expect.objectContaining({ code: "ERR_UNAVAILABLE" }));
  });
});
