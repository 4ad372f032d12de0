import CLinux
import Glibc

/// What the process may use of the machine it runs on.
package enum Machine {
    /// Processors that the scheduler may give this process; at least one.
    package static var cores: Int { max(1, Int(clinux_usable_processors())) }

    /// Physical memory, or the control group's limit where that is smaller (cgroup v2).
    package static var memoryBytes: UInt64 {
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let pageBytes = sysconf(Int32(_SC_PAGESIZE))
        let physical = UInt64(max(0, pages)) * UInt64(max(0, pageBytes))
        guard let text = readSmallFile("/sys/fs/cgroup/memory.max"),
            let limit = UInt64(text.prefix { $0 != "\n" })  // "max" when there is none
        else { return physical }
        return min(physical, limit)
    }

    /// Memory of this process that is in RAM now.
    package static func residentBytes() -> UInt64? {
        guard let text = readSmallFile("/proc/self/statm") else { return nil }
        let numbers = text.split(separator: " ")
        guard numbers.count > 1, let pages = UInt64(numbers[1]) else { return nil }
        return pages * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
    }

    /// Tells one run of the machine from another; empty where the kernel does not say.
    package static let bootID: String = {
        let text = readSmallFile("/proc/sys/kernel/random/boot_id") ?? ""
        return String(text.prefix { $0 != "\n" })
    }()

    package static func openDescriptorCount() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var entries = 0
        while readdir(directory) != nil { entries += 1 }
        // ".", ".." and the descriptor that reads the directory are not the process's.
        return max(0, entries - 3)
    }

    /// How many descriptors the process may hold (RLIMIT_NOFILE, soft).
    package static var openDescriptorLimit: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return Int(clamping: limit.rlim_cur)
    }

    /// Raises the soft descriptor limit to the hard one; answers what holds afterwards.
    @discardableResult
    package static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 0 }
        limit.rlim_cur = limit.rlim_max
        // When the kernel refuses, the old limit stays and the answer below says so.
        _ = setrlimit(resource, &limit)
        return openDescriptorLimit
    }

    private static func readSmallFile(_ path: String) -> String? {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let descriptor = Descriptor(owning: number)
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes {
            read(descriptor.number, $0.baseAddress, $0.count)
        }
        guard count > 0 else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
