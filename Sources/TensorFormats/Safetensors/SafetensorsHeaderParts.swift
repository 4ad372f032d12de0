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
