/// Gives every event of a document with tensors to whom it concerns: the tensors to the sink,
/// the members beside them to a builder of values.
struct TensorDocumentHandler: JSONHandler {
    private enum Place {
        case start
        /// In the document's object.
        case members
        /// In a member that is not the tensors.
        case option(name: String)
        /// After the tensors' name.
        case tensors
        /// In the object of tensors.
        case tensorNames
        case tensor
        case end
    }

    typealias Fault = DocumentFault

    let tensorMember: String
    let sink: any TensorSink
    let limits: FormatLimits
    private(set) var options: [JSONMember] = []
    private(set) var hasTensors = false
    private var place = Place.start
    private var builder = JSONValueBuilder()
    private var tensor: TensorValueReader?
    private var tensorCount = 0
    private var tensorNameBytes = 0

    /// What a tensor's name and description take beside the bytes of the name, in the sink and in
    /// the set of names seen.
    private static let bytesPerTensor = 256

    /// The memory of everything but the tensors' numbers.
    var heldByteCount: Int {
        builder.byteCount + tensorNameBytes + tensorCount * Self.bytesPerTensor
    }

    init(tensorMember: String, sink: any TensorSink, limits: FormatLimits) {
        self.tensorMember = tensorMember
        self.sink = sink
        self.limits = limits
    }

    static func fault(_ fault: JSONFault) -> DocumentFault { .malformed(fault) }

    var tensorsPointer: String { JSONPointer.of(tensorMember) }
}

extension TensorDocumentHandler {
    mutating func beginObject() throws(DocumentFault) {
        switch place {
        case .start: place = .members
        case .tensors: place = .tensorNames
        case .option(let name): try build(name) { $0.beginObject() }
        case .tensor:
            try tensor?.beginObject()
            leaveCompleteTensor()
        case .members, .tensorNames, .end: break
        }
    }

    mutating func key(_ name: String) throws(DocumentFault) {
        switch place {
        case .members:
            try beginMember(name)
        case .tensorNames:
            try beginTensor(name)
        case .option(let option):
            try build(option) { $0.key(name) }
        case .tensor:
            try tensor?.key(name)
            leaveCompleteTensor()
        case .start, .tensors, .end:
            break
        }
    }

    mutating func endObject() throws(DocumentFault) {
        switch place {
        case .members: place = .end
        case .tensorNames: place = .members
        case .option(let name): try build(name) { $0.endObject() }
        case .tensor:
            try tensor?.endObject()
            leaveCompleteTensor()
        case .start, .tensors, .end: break
        }
    }

    mutating func beginArray() throws(DocumentFault) {
        if case .tensor = place {
            try tensor?.beginArray()
            leaveCompleteTensor()
        } else {
            try value("an array") { $0.beginArray() }
        }
    }

    mutating func endArray() throws(DocumentFault) {
        if case .tensor = place {
            try tensor?.endArray()
            leaveCompleteTensor()
        } else {
            try value("an array") { $0.endArray() }
        }
    }

    mutating func string(_ text: String) throws(DocumentFault) {
        if case .tensor = place {
            try tensor?.string(text)
            leaveCompleteTensor()
        } else {
            try value("a string") { $0.string(text) }
        }
    }

    mutating func number(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer
    ) throws(DocumentFault) {
        if case .tensor = place {
            try tensor?.number(number, text)
            leaveCompleteTensor()
        } else {
            try value("a number") { $0.number(number, text) }
        }
    }

    mutating func bool(_ value: Bool) throws(DocumentFault) {
        if case .tensor = place, let tensor { throw tensor.unexpected("a boolean") }
        try self.value("a boolean") { $0.bool(value) }
    }

    mutating func null() throws(DocumentFault) {
        if case .tensor = place, let tensor { throw tensor.unexpected("null") }
        try value("null") { $0.null() }
    }

    mutating func numberRun() throws(DocumentFault) -> NumberRun? {
        guard case .tensor = place else { return nil }
        return try tensor?.numberRun()
    }

    mutating func wrote(_ count: Int) {
        tensor?.wrote(count)
    }
}

extension TensorDocumentHandler {
    private mutating func beginMember(_ name: String) throws(DocumentFault) {
        if ExactName(name) == ExactName(tensorMember) {
            hasTensors = true
            place = .tensors
        } else {
            builder.charge(name)
            place = .option(name: name)
        }
    }

    private mutating func beginTensor(_ name: String) throws(DocumentFault) {
        if let fault = TensorName.fault(in: name, maximumBytes: limits.nameBytes) {
            throw .semantic(
                kind: .invalidName, pointer: tensorsPointer + "/" + JSONPointer.escape(name),
                detail: fault)
        }
        tensorCount += 1
        tensorNameBytes += name.utf8.count
        guard tensorCount <= limits.tensorCount else {
            throw .semantic(
                kind: .invalidValue, pointer: tensorsPointer,
                detail: "there are more than \(limits.tensorCount) tensors")
        }
        tensor = try TensorValueReader(
            name: name, path: tensorsPointer, sink: sink, limits: limits)
        place = .tensor
    }

    private mutating func leaveCompleteTensor() {
        if tensor?.isComplete == true { place = .tensorNames }
    }

    /// A value outside the tensors: part of an option, or wrong.
    private mutating func value(
        _ kind: String, _ event: (inout JSONValueBuilder) -> Void
    ) throws(DocumentFault) {
        switch place {
        case .option(let name):
            try build(name, event)
        case .start:
            throw .semantic(
                kind: .invalidValue, pointer: "",
                detail: "the document must be an object with the member \(tensorMember), "
                    + "not \(kind)")
        default:
            throw .semantic(
                kind: .invalidValue, pointer: tensorsPointer,
                detail: "\(tensorMember) is an object of tensors by name, not \(kind)")
        }
    }

    private mutating func build(
        _ name: String, _ event: (inout JSONValueBuilder) -> Void
    ) throws(DocumentFault) {
        event(&builder)
        guard builder.byteCount <= limits.jsonValueBytes else {
            throw .semantic(
                kind: .invalidValue, pointer: JSONPointer.of(name),
                detail: "the members beside \(tensorMember) need more than "
                    + "\(limits.jsonValueBytes) bytes")
        }
        if let value = builder.take() {
            options.append(JSONMember(name: name, value: value))
            place = .members
        }
    }
}
