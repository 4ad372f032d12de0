/// Makes entries out of the JSON events of a safetensors header, without a tree in between.
struct SafetensorsHeaderHandler: JSONHandler {
    private enum Place: Equatable {
        case start
        /// In the header's object.
        case names
        /// After a tensor's name.
        case entry
        /// In a tensor's object.
        case members
        case dtype
        case shape(isOpen: Bool)
        case offsets(isOpen: Bool)
        /// After `__metadata__`.
        case metadata
        case metadataNames
        case metadataValue
        case end
    }

    typealias Fault = SafetensorsFault

    let limits: FormatLimits
    private(set) var entries: [SafetensorsEntry] = []
    private(set) var metadata: [(name: String, value: String)] = []
    /// Whether `__metadata__` has come, be it empty.
    private(set) var hasMetadata = false
    private var place = Place.start
    private var name = ""
    private var metadataName = ""
    private var dtype: DType?
    private var shape: [Int]?
    private var offsets: [Int]?

    init(limits: FormatLimits) {
        self.limits = limits
    }

    static func fault(_ fault: JSONFault) -> SafetensorsFault {
        if case .duplicateKey(let name) = fault.kind {
            return SafetensorsFault(.duplicateName, tensor: name)
        }
        return SafetensorsFault(.headerNotJSON(fault))
    }

    mutating func beginObject() throws(SafetensorsFault) {
        switch place {
        case .start: place = .names
        case .entry: place = .members
        case .metadata: place = .metadataNames
        default: throw unexpected
        }
    }

    mutating func key(_ key: String) throws(SafetensorsFault) {
        switch place {
        case .names: try beginEntry(key)
        case .members: try beginMember(key)
        case .metadataNames:
            guard metadata.count < limits.metadataCount else {
                throw SafetensorsFault(.tooMuchMetadata(limit: limits.metadataCount))
            }
            metadataName = key
            place = .metadataValue
        default: throw unexpected
        }
    }

    mutating func endObject() throws(SafetensorsFault) {
        switch place {
        case .names: place = .end
        case .members: try endEntry()
        case .metadataNames: place = .names
        default: throw unexpected
        }
    }

    mutating func beginArray() throws(SafetensorsFault) {
        switch place {
        case .shape(isOpen: false):
            shape = []
            place = .shape(isOpen: true)
        case .offsets(isOpen: false):
            offsets = []
            place = .offsets(isOpen: true)
        default: throw unexpected
        }
    }

    mutating func endArray() throws(SafetensorsFault) {
        if case .offsets = place, offsets?.count != 2 { throw unexpected }
        place = .members
    }

    mutating func string(_ text: String) throws(SafetensorsFault) {
        switch place {
        case .dtype:
            guard let known = DType(rawValue: text) else {
                throw SafetensorsFault(.unknownDType(text), tensor: name)
            }
            dtype = known
            place = .members
        case .metadataValue:
            metadata.append((metadataName, text))
            place = .metadataNames
        default: throw unexpected
        }
    }

    mutating func number(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer
    ) throws(SafetensorsFault) {
        guard let count = number.count else { throw unexpected }
        switch place {
        case .shape(isOpen: true):
            guard shape?.count != limits.rank else {
                throw SafetensorsFault(.rankTooLarge(limit: limits.rank), tensor: name)
            }
            shape?.append(count)
        case .offsets(isOpen: true):
            guard offsets?.count != 2 else { throw unexpected }
            offsets?.append(count)
        default: throw unexpected
        }
    }

    mutating func bool(_ value: Bool) throws(SafetensorsFault) { throw unexpected }

    mutating func null() throws(SafetensorsFault) { throw unexpected }
}

extension SafetensorsHeaderHandler {
    /// The fault of a value that cannot stand here.
    private var unexpected: SafetensorsFault {
        switch place {
        case .start, .names, .end: SafetensorsFault(.headerNotObject)
        case .entry: SafetensorsFault(.entryNotObject, tensor: name)
        case .members, .dtype: SafetensorsFault(.dtypeNotString, tensor: name)
        case .shape: SafetensorsFault(.malformedShape, tensor: name)
        case .offsets: SafetensorsFault(.malformedOffsets, tensor: name)
        case .metadata, .metadataNames, .metadataValue: SafetensorsFault(.metadataNotStrings)
        }
    }

    private mutating func beginEntry(_ key: String) throws(SafetensorsFault) {
        guard key != TensorName.reserved else {
            place = .metadata
            hasMetadata = true
            return
        }
        if let fault = TensorName.fault(in: key, maximumBytes: limits.nameBytes) {
            throw SafetensorsFault(.badName(fault), tensor: key)
        }
        guard entries.count < limits.tensorCount else {
            throw SafetensorsFault(.tooManyTensors(limit: limits.tensorCount))
        }
        name = key
        dtype = nil
        shape = nil
        offsets = nil
        place = .entry
    }

    private mutating func beginMember(_ key: String) throws(SafetensorsFault) {
        switch key {
        case "dtype": place = .dtype
        case "shape": place = .shape(isOpen: false)
        case "data_offsets": place = .offsets(isOpen: false)
        default: throw SafetensorsFault(.unknownMember(key), tensor: name)
        }
    }

    private mutating func endEntry() throws(SafetensorsFault) {
        guard let dtype else { throw SafetensorsFault(.missingMember("dtype"), tensor: name) }
        guard let shape else { throw SafetensorsFault(.missingMember("shape"), tensor: name) }
        guard let offsets, offsets.count == 2 else {
            throw SafetensorsFault(.missingMember("data_offsets"), tensor: name)
        }
        let (begin, end) = (offsets[0], offsets[1])
        guard begin <= end else {
            throw SafetensorsFault(.offsetsReversed(begin: begin, end: end), tensor: name)
        }
        let description: TensorDescription
        do {
            description = try TensorDescription(name: name, dtype: dtype, shape: shape)
        } catch {
            throw SafetensorsFault(.shapeOverflow(shape: shape), tensor: name)
        }
        guard description.byteCount == end - begin else {
            throw SafetensorsFault(
                .sizeMismatch(expectedBytes: description.byteCount, actualBytes: end - begin),
                tensor: name)
        }
        entries.append(SafetensorsEntry(description: description, begin: begin, end: end))
        place = .names
    }
}
