import { directAccess } from "../../suites/mount-access.ts";
import { adoptSuite } from "../../suites/adopt-suite.ts";
import { openStore } from "../../suites/open-store.ts";
import { snapshotterSuite } from "../../suites/snapshotter-suite.ts";
import { detectPrivileges } from "../../../driver/sys/privileges.ts";

const { canChown } = detectPrivileges();

snapshotterSuite("copy, without mounts", (root) => openStore(root, "copy"), { access: directAccess, canChown });
adoptSuite("copy, without mounts", (root) => openStore(root, "copy"), { access: directAccess });
