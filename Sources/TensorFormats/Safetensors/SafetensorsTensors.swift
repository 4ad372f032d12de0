/// The tensors of a header, proven to be consistent, and the text that says them.
///
/// A training client sends the same tensors with every step; only the metadata changes. Whoever
/// keeps this object and hands it to the next reading has the same text known again by its bytes
/// instead of read anew, and gets this same object back.
package final class SafetensorsTensors: Sendable {
    /// In the order of their data, which is gap-free and starts at zero.
    package let entries: [SafetensorsEntry]
    package let dataByteCount: Int
    /// The header from behind its metadata to its end; empty where it is not to be known again.
    private let text: [UInt8]

    package var canBeRecalled: Bool { !text.isEmpty }

    init(_ entries: [SafetensorsEntry], text: [UInt8] = []) {
        self.entries = entries
        dataByteCount = entries.last?.end ?? 0
        self.text = text
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

/// A header in two parts: the metadata, where that comes first, and the tensors behind it.
///
/// A header without metadata begins with `{`, and what follows metadata never does. So equal texts
/// of tensors mean equal headers but for the metadata.
struct SafetensorsHeaderParts {
    let metadata: UnsafeRawBufferPointer
    let tensors: UnsafeRawBufferPointer

    private static let opening: StaticString = "{\"__metadata__\":{"

    /// Splits where the metadata's object ends, if it is one; what it holds is not looked at.
    init(_ header: UnsafeRawBufferPointer) {
        let end = Self.metadataEnd(header)
        metadata = UnsafeRawBufferPointer(rebasing: header[..<end])
        tensors = UnsafeRawBufferPointer(rebasing: header[end...])
    }

    private static func metadataEnd(_ header: UnsafeRawBufferPointer) -> Int {
        let begins = opening.withUTF8Buffer { header.starts(with: $0) }
        guard begins else { return 0 }
        // Metadata is an object of strings, so that the first brace outside them closes it.
        var isString = false
        var index = opening.utf8CodeUnitCount
        while index < header.count {
            switch header[index] {
            case UInt8(ascii: "\""): isString.toggle()
            case UInt8(ascii: "\\") where isString: index += 1
            case UInt8(ascii: "}") where !isString: return index + 1
            default: break
            }
            index += 1
        }
        return 0
    }

    /// The strings of the metadata; nil when they cannot be read. What is wrong with them is for
    /// the reading of the whole header to say.
    func metadataStrings(_ limits: FormatLimits) -> [(name: String, value: String)]? {
        guard !metadata.isEmpty else { return [] }
        guard UTF8Check.firstFault(metadata) == nil else { return nil }
        var scanner = JSONScanner(depth: limits.jsonDepth, tokenBytes: metadata.count)
        var handler = SafetensorsHeaderHandler(limits: limits)
        do throws(SafetensorsFault) {
            try scanner.consume(metadata, &handler)
            // As in a header without tensors, whose object ends here.
            try handler.endObject()
        } catch {
            return nil
        }
        return handler.metadata
    }
}
