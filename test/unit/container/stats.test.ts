import { totalmem } from "node:os";
import { describe, expect, it } from "vitest";
import { cgroupFolders, cgroupUsage, type CgroupReader, networkUsage } from "../../../driver/container/stats.ts";

const id = "5e".repeat(32);

function filesOf(files: Readonly<Record<string, string>>): CgroupReader {
  return (_controller, file) => files[file] ?? "";
}

describe("cgroupFolders", () => {
  const v1 = [
    "30 22 0:27 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755",
    "32 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct",
    "34 30 0:31 /outer /sys/fs/cgroup/memory rw,relatime shared:4 - cgroup cgroup rw,memory",
    "40 30 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
  ].join("\n");
  const v2 = "40 30 0:37 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate";

  it("cgroupFolders finds each hierarchy of cgroups v1 when some are mounted together or from below", () => {
    const cgroups = `9:memory:/outer/laminate/${id}\n8:cpu,cpuacct:/laminate/${id}/deeper\n7:pids:/laminate/${id}\n0::/\n`;
    expect(cgroupFolders(cgroups, v1, id)).toEqual(
      new Map([
        ["memory", `/sys/fs/cgroup/memory/laminate/${id}`],
        ["cpu", `/sys/fs/cgroup/cpu,cpuacct/laminate/${id}`],
        ["cpuacct", `/sys/fs/cgroup/cpu,cpuacct/laminate/${id}`],
      ]),
    );
  });

  it("cgroupFolders finds the one of cgroups v2 when a process has gone further down", () => {
    const cgroups = `0::/laminate/${id}/init.scope\n`;
    expect(cgroupFolders(cgroups, v2, id)).toEqual(new Map([["", `/sys/fs/cgroup/laminate/${id}`]]));
  });

  it("cgroupFolders is undefined when the cgroups are not the container's own", () => {
    expect(cgroupFolders("9:memory:/user\n0::/user/one\n", v1, id)).toBeUndefined();
    expect(cgroupFolders("0::/user/one\n", v2, id)).toBeUndefined();
  });
});

describe("cgroupUsage", () => {
  it("cgroupUsage reads cgroups v1", () => {
    const files = {
      "cpuacct.usage": "1500000000\n",
      "memory.usage_in_bytes": "9000000\n",
      "memory.limit_in_bytes": "67108864\n",
      "memory.stat": "inactive_file 1\ntotal_rss 5\ntotal_inactive_file 2000000\n",
      "blkio.throttle.io_service_bytes_recursive":
        "8:0 Read 4096\n8:0 Write 512\n8:0 Total 4608\n8:16 Read 4\n8:16 Write 0\nTotal 4612\n",
      "pids.current": "3\n",
    };
    expect(cgroupUsage(filesOf(files))).toEqual({
      ...{ cpuNanos: 1_500_000_000, memoryBytes: 7_000_000, memoryLimitBytes: 67_108_864 },
      ...{ readBytes: 4100, writtenBytes: 512, pids: 3 },
    });
  });

  it("cgroupUsage reads cgroups v2, whose limit may be max", () => {
    const files = {
      "cpu.stat": "usage_usec 2500\nuser_usec 2000\nsystem_usec 500\n",
      "memory.current": "5000\n",
      "memory.max": "max\n",
      "memory.stat": "anon 1\ninactive_file 1000\n",
      "io.stat": "8:0 rbytes=100 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2\n",
      "pids.current": "1\n",
    };
    expect(cgroupUsage(filesOf(files))).toEqual({
      ...{ cpuNanos: 2_500_000, memoryBytes: 4000, memoryLimitBytes: totalmem() },
      ...{ readBytes: 101, writtenBytes: 22, pids: 1 },
    });
  });

  it("cgroupUsage is null for what a machine without these controllers does not tell", () => {
    expect(cgroupUsage(filesOf({ "cpuacct.usage": "1\n" }))).toMatchObject({
      ...{ cpuNanos: 1, memoryBytes: null, readBytes: null, pids: null },
    });
  });
});

it("networkUsage adds up all interfaces but the loopback", () => {
  const text = [
    "Inter-|   Receive                            |  Transmit",
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets",
    "    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0",
    "  eth0:100 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0",
    "  eth1: 5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0",
  ].join("\n");
  expect(networkUsage(text)).toEqual({ receivedBytes: 105, sentBytes: 26 });
});
