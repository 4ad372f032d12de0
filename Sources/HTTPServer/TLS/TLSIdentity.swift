import Synchronization

/// The identity that a server shows to those who connect, which can be renewed while it serves:
/// connections keep the one that they began with.
package final class TLSIdentity: Sendable {
    private let files: TLSFiles
    private let current: Mutex<TLSContext>

    package init(_ files: TLSFiles) throws(TLSFault) {
        self.files = files
        current = Mutex(try TLSContext(files))
    }

    /// Reads the files again. When they cannot be used, what there is stays.
    package func reload() throws(TLSFault) {
        let context = try TLSContext(files)
        current.withLock { $0 = context }
    }

    var context: TLSContext { current.withLock { $0 } }
}
