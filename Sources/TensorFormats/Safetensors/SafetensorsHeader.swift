/// What a safetensors header says, proven to be consistent.
package struct SafetensorsHeader: Sendable {
    package let list: SafetensorsTensors
    /// The strings of `__metadata__`, in their order.
    package let metadata: [(name: String, value: String)]

    /// In the order of their data, which is gap-free and starts at zero.
    package var tensors: [SafetensorsEntry] { list.entries }
    package var dataByteCount: Int { list.dataByteCount }

    /// The metadata string of that name.
    package func metadata(_ name: String) -> String? {
        metadata.first { ExactName($0.name) == ExactName(name) }?.value
    }

    /// The header without some tensors; their data is then nobody's.
    package func leavingOut(_ names: Set<String>) -> SafetensorsHeader {
        let rest = tensors.filter { !names.contains($0.name) }
        return SafetensorsHeader(list: SafetensorsTensors(rest), metadata: metadata)
    }
}

/// One tensor of a file. Its data lies at `begin..<end`, counted from the end of the header.
package struct SafetensorsEntry: Equatable, Sendable {
    package let description: TensorDescription
    package let begin: Int
    package let end: Int

    package var name: String { description.name }
    package var dtype: DType { description.dtype }
    package var shape: [Int] { description.shape }
    package var byteCount: Int { end - begin }
}

extension SafetensorsHeader {
    /// Reads the JSON of a header, without the eight bytes in front of it.
    ///
    /// - Parameter recall: what may be known again; nil: nothing, now and later.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, limits: FormatLimits = FormatLimits(),
        recall: SafetensorsRecall? = nil
    ) throws(SafetensorsFault) -> SafetensorsHeader {
        guard let recall else { return try parse(bytes, limits, keeping: nil) }
        let parts = SafetensorsHeaderParts(bytes)
        if let last = recall.last, last.isSaid(by: parts.tensors),
            let metadata = parts.metadataStrings(limits)
        {
            return SafetensorsHeader(list: last, metadata: metadata)
        }
        let isShort = parts.tensors.count <= recall.textByteLimit
        return try parse(bytes, limits, keeping: isShort ? parts : nil)
    }

    private static func parse(
        _ bytes: UnsafeRawBufferPointer, _ limits: FormatLimits,
        keeping parts: SafetensorsHeaderParts?
    ) throws(SafetensorsFault) -> SafetensorsHeader {
        guard bytes.first == UInt8(ascii: "{") else { throw SafetensorsFault(.headerNotObject) }
        if let offset = UTF8Check.firstFault(bytes) {
            throw SafetensorsFault(.headerNotUTF8(offset: offset))
        }
        // Strings are bounded by the header itself: metadata holds whole documents.
        var scanner = JSONScanner(depth: limits.jsonDepth, tokenBytes: bytes.count)
        var handler = SafetensorsHeaderHandler(limits: limits)
        try scanner.consume(bytes, &handler)
        try scanner.finish(&handler)
        let entries = try validated(handler.entries)
        // Metadata among the tensors would be taken for theirs when their text comes again.
        let isApart = parts?.metadata.isEmpty == !handler.hasMetadata
        let list = SafetensorsTensors(entries, text: isApart ? parts?.tensors : nil)
        return SafetensorsHeader(list: list, metadata: handler.metadata)
    }

    /// Proves that the data of the tensors, sorted, covers everything from zero to its end once.
    /// That each entry's size follows from its dtype and shape without overflow has been proven
    /// entry by entry. Tensors without data may stand at any border between two others.
    private static func validated(
        _ entries: [SafetensorsEntry]
    ) throws(SafetensorsFault) -> [SafetensorsEntry] {
        // Among tensors that begin at one place, those without data come first; the names make
        // the order of those definite.
        let sorted = entries.sorted {
            ($0.begin, $0.end, ExactName($0.name)) < ($1.begin, $1.end, ExactName($1.name))
        }
        var end = 0
        for (index, entry) in sorted.enumerated() {
            guard entry.begin == end else {
                throw SafetensorsFault(
                    misplaced(entry, after: end, isFirst: index == 0), tensor: entry.name)
            }
            end = entry.end
        }
        return sorted
    }

    private static func misplaced(
        _ entry: SafetensorsEntry, after end: Int, isFirst: Bool
    ) -> SafetensorsFault.Reason {
        if isFirst { return .firstNotAtZero(begin: entry.begin) }
        if entry.begin < end { return .overlap(begin: entry.begin, previousEnd: end) }
        return .hole(begin: entry.begin, previousEnd: end)
    }
}
