import CLinux
import Glibc

/// Names in the file system. A change of names is on the disk once the directory that holds them
/// is synced.
package enum Directory {
    /// Makes the directory and those above it, for this user alone; existing ones stay as they are.
    package static func create(_ path: String) throws(Errno) {
        do throws(Errno) {
            try check(.makeDirectory) { mkdir(path, 0o700) }
        } catch {
            switch error {
            case .exists:
                return
            case .noEntry:
                let parent = parent(of: path)
                guard parent != path else { throw error }
                try create(parent)
                // With a slash at its end the path may be its own parent, and there now.
                if !exists(path) { try check(.makeDirectory) { mkdir(path, 0o700) } }
            default:
                throw error
            }
        }
    }

    /// The names in a directory, in byte order, without "." and "..".
    package static func names(in path: String) throws(Errno) -> [String] {
        #if DEBUG
        if let forced = ForcedErrno.next(for: .listDirectory, on: -1) { throw forced }
        #endif
        guard let stream = opendir(path) else { throw .current }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw .current }
        return names.sorted()
    }

    /// Returns when the names in the directory are on the disk.
    package static func sync(_ path: String) throws(Errno) {
        try OpenDirectory(path).sync()
    }

    /// Gives a file another name, in the place of a file that has that name.
    package static func rename(_ path: String, to newPath: String) throws(Errno) {
        try check(.rename) { Glibc.rename(path, newPath) }
    }

    package static func removeFile(_ path: String) throws(Errno) {
        try check(.remove) { unlink(path) }
    }

    /// Removes a directory with the files in it. What is gone already is no error.
    package static func removeTree(_ path: String) throws(Errno) {
        do throws(Errno) {
            for name in try names(in: path) { try removeFile("\(path)/\(name)") }
            try check(.remove) { rmdir(path) }
        } catch {
            guard error == .noEntry else { throw error }
        }
    }

    package static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    /// The path of the file itself, where the one given is that of a symbolic link. A file that
    /// is not there yet has the path that was given.
    static func resolved(_ path: String) throws(Errno) -> String {
        guard let whole = realpath(path, nil) else {
            guard Errno.current == .noEntry else { throw .current }
            return path
        }
        defer { free(whole) }
        return String(cString: whole)
    }

    /// The directory that the path's last name stands in.
    package static func parent(of path: String) -> String {
        let named = path.count > 1 && path.last == "/" ? path.dropLast() : path[...]
        guard let slash = named.lastIndex(of: "/") else { return "." }
        return slash == named.startIndex ? "/" : String(named[..<slash])
    }
}
