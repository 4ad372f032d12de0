/// The tensors of a header, proven to be consistent, and the text that says them.
///
/// A training client sends the same tensors with every step; only the metadata changes. Whoever
/// keeps this object and hands it to the next reading has the same text known again by its bytes
/// instead of read anew, and gets this same object back.
package final class SafetensorsTensors: Sendable {
    /// In the order of their data, which is gap-free and starts at zero.
    package let entries: [SafetensorsEntry]
    package let dataByteCount: Int
    /// The header from behind its metadata to its end, or nothing.
    private let text: [UInt8]

    /// Zero: these are not to be known again.
    package var textByteCount: Int { text.count }

    init(_ entries: [SafetensorsEntry], text: UnsafeRawBufferPointer? = nil) {
        self.entries = entries
        dataByteCount = entries.last?.end ?? 0
        self.text = text.map { Array($0) } ?? []
    }

    func isSaid(by other: UnsafeRawBufferPointer) -> Bool {
        guard !text.isEmpty, text.count == other.count else { return false }
        return text.withUnsafeBytes { $0.hasSameBytes(as: other) }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether as many bytes are the same ones, eight at a time.
    fileprivate func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        var offset = 0
        while offset + 8 <= count {
            let word = loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard word == other.loadUnaligned(fromByteOffset: offset, as: UInt64.self) else {
                return false
            }
            offset += 8
        }
        return self[offset...].elementsEqual(other[offset...])
    }
}

/// What a reading may make use of, and what it may keep.
package struct SafetensorsRecall: Sendable {
    /// What an earlier reading came to, under the same limits.
    package let last: SafetensorsTensors?
    /// The longest text that is kept to be known again.
    package let textByteLimit: Int

    package init(last: SafetensorsTensors?, textByteLimit: Int) {
        self.last = last
        self.textByteLimit = textByteLimit
    }
}
