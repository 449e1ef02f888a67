//! The memory that this process may use: the machine's RAM, and the limits of its control groups.

use std::fs;
use std::path::Path;

/// The source of a memory bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemorySource {
    /// The RAM of the machine.
    Machine,
    /// The memory limit of a control group: of a container or a systemd unit.
    ControlGroup,
}

/// The most memory that this process can use, in bytes; the smaller one of RAM and the limits of control groups. `None`
/// if the system reports neither.
pub fn available_memory() -> Option<(u64, MemorySource)> {
    bound_below(Path::new("/"))
}

fn bound_below(root: &Path) -> Option<(u64, MemorySource)> {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok().and_then(|text| total_bytes(&text));
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let group = groups.lines().filter_map(|line| group_limit_bytes(root, line)).min();
    let bounds = [
        machine.map(|bytes| (bytes, MemorySource::Machine)),
        group.map(|bytes| (bytes, MemorySource::ControlGroup)),
    ];
    bounds.into_iter().flatten().min_by_key(|(bytes, _)| *bytes)
}

/// `MemTotal` of `/proc/meminfo`.
fn total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The smallest limit of a group and the groups that contain it. `line` is a line of `/proc/self/cgroup`.
fn group_limit_bytes(root: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?);
    let (folder, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        _ if controllers.split(',').any(|name| name == "memory") => {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    // In a container, the path may be the host's. Then only the topmost folder exists.
    let groups = Path::new(path.trim_start_matches('/')).ancestors();
    let limit = |group: &Path| fs::read_to_string(root.join(folder).join(group).join(file)).ok();
    groups.filter_map(limit).filter_map(|text| text.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(name: &str, files: &[(&str, &str)]) -> Option<(u64, MemorySource)> {
        let root = std::env::temp_dir().join(format!("larder-memory-{}-{name}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let bound = bound_below(&root);
        let _ = fs::remove_dir_all(&root);
        bound
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:        4096 kB\nMemFree:  1 kB\n");
    const SECOND_VERSION: (&str, &str) = ("proc/self/cgroup", "0::/a/b\n");

    #[test]
    fn without_limits_the_bound_is_the_ram() {
        assert_eq!(bound("none", &[]), None);
        assert_eq!(bound("ram", &[MEMINFO]), Some((4096 << 10, MemorySource::Machine)));
        let unlimited = ("sys/fs/cgroup/a/b/memory.max", "max\n");
        assert_eq!(
            bound("max", &[MEMINFO, SECOND_VERSION, unlimited]),
            Some((4096 << 10, MemorySource::Machine))
        );
    }

    #[test]
    fn the_smallest_limit_of_the_containing_groups_applies() {
        let files = [
            MEMINFO,
            SECOND_VERSION,
            ("sys/fs/cgroup/a/b/memory.max", "3000000\n"),
            ("sys/fs/cgroup/a/memory.max", "2000000\n"),
        ];
        assert_eq!(bound("parent", &files), Some((2_000_000, MemorySource::ControlGroup)));
        let container = [MEMINFO, SECOND_VERSION, ("sys/fs/cgroup/memory.max", "1000000\n")];
        assert_eq!(bound("container", &container), Some((1_000_000, MemorySource::ControlGroup)));
    }

    #[test]
    fn limits_of_the_first_version_are_read() {
        let files = [
            MEMINFO,
            ("proc/self/cgroup", "7:cpu:/x\n5:memory:/c\n0::/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/c/memory.limit_in_bytes", "5000\n"),
        ];
        assert_eq!(bound("first", &files), Some((5000, MemorySource::ControlGroup)));
    }
}
