/// Follows the value of one tensor: nested arrays, a bare number, or the object form
/// `{"dtype", "shape", "data"}` with its members in any order.
struct TensorValueReader {
    enum Place: Equatable {
        case start
        case nested
        case form
        case dtype
        case shape(isOpen: Bool)
        case data(isOpen: Bool)
        case end
    }

    let pointer: String
    let sink: any TensorSink
    let limits: FormatLimits
    let expected: [Int]?
    private(set) var place = Place.start
    private(set) var nested: NestedShape
    private(set) var form: TensorForm

    init(
        name: String, path: String, sink: any TensorSink, limits: FormatLimits
    ) throws(DocumentFault) {
        pointer = path + "/" + JSONPointer.escape(name)
        self.sink = sink
        self.limits = limits
        do {
            expected = try sink.begin(name)
        } catch {
            throw .semantic(kind: error.kind, pointer: pointer, detail: error.detail)
        }
        nested = NestedShape(expected: expected, rankLimit: limits.rank)
        form = TensorForm(expected: expected, rankLimit: limits.rank)
    }

    var isComplete: Bool { place == .end }
}

extension TensorValueReader {
    mutating func beginArray() throws(DocumentFault) {
        switch place {
        case .start:
            try settle(.F32)
            place = .nested
            try openNested()
        case .nested:
            try openNested()
        case .shape(isOpen: false):
            place = .shape(isOpen: true)
        case .data(isOpen: false):
            place = .data(isOpen: true)
        default:
            throw unexpected("an array")
        }
    }

    mutating func endArray() throws(DocumentFault) {
        switch place {
        case .nested:
            try closeNested()
        case .shape(isOpen: true):
            do {
                try form.endShape()
            } catch {
                throw semantic(error)
            }
            place = .form
        case .data(isOpen: true):
            form.endData()
            place = .form
        default:
            throw unexpected("an array")
        }
    }

    mutating func beginObject() throws(DocumentFault) {
        guard place == .start else { throw unexpected("an object") }
        place = .form
    }

    mutating func key(_ name: String) throws(DocumentFault) {
        switch name {
        case "dtype": place = .dtype
        case "shape": place = .shape(isOpen: false)
        case "data": place = .data(isOpen: false)
        default:
            throw .semantic(
                kind: .unknownMember, pointer: pointer + "/" + JSONPointer.escape(name),
                detail: "a tensor has the members dtype, shape and data")
        }
    }

    mutating func endObject() throws(DocumentFault) {
        let shape: [Int]
        do {
            shape = try form.end()
        } catch {
            throw semantic(error)
        }
        try end(shape)
    }

    mutating func string(_ text: String) throws(DocumentFault) {
        guard place == .dtype else { throw unexpected("a string") }
        guard let dtype = DType(rawValue: text), dtype.isParameterType else {
            throw .semantic(
                kind: .dtypeMismatch, pointer: pointer + "/dtype",
                detail: "the dtype of a tensor in JSON is F64, F32, F16 or BF16, not \(text)")
        }
        form.dtype = dtype
        try settle(dtype)
        place = .form
    }

    mutating func number(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer
    ) throws(DocumentFault) {
        switch place {
        case .start:
            try settle(.F32)
            place = .nested
            try checkNested()
            try store(number, text)
            nested.add(1)
            try end(nested.shape)
        case .nested:
            try checkNested()
            try store(number, text)
            nested.add(1)
        case .shape(isOpen: true):
            do {
                try form.addExtent(number)
            } catch {
                throw semantic(error)
            }
        case .data(isOpen: true):
            do {
                try form.checkRoom()
            } catch {
                throw semantic(error)
            }
            try store(number, text)
            form.dataCount += 1
        default:
            throw unexpected("a number")
        }
    }

    /// Memory for the numbers that follow; nil when an event has to judge the next one.
    mutating func numberRun() throws(DocumentFault) -> NumberRun? {
        let room: Int
        switch place {
        case .nested: room = nested.room
        case .data(isOpen: true): room = form.room
        default: return nil
        }
        guard room > 0 else { return nil }
        var run = try sinkRoom()
        run.capacity = min(run.capacity, room)
        return run
    }

    mutating func wrote(_ count: Int) {
        sink.wrote(count)
        if place == .nested {
            nested.add(count)
        } else {
            form.dataCount += count
        }
    }
}

extension TensorValueReader {
    private mutating func openNested() throws(DocumentFault) {
        do {
            try nested.open()
        } catch {
            throw mismatch(error)
        }
    }

    private mutating func closeNested() throws(DocumentFault) {
        do {
            try nested.close()
        } catch {
            throw mismatch(error)
        }
        if nested.isClosed { try end(nested.shape) }
    }

    private func checkNested() throws(DocumentFault) {
        do {
            try nested.checkNumber()
        } catch {
            throw mismatch(error)
        }
    }

    private func settle(_ dtype: DType) throws(DocumentFault) {
        do {
            try sink.settle(dtype)
        } catch {
            throw semantic(error)
        }
    }

    private func sinkRoom() throws(DocumentFault) -> NumberRun {
        do {
            return try sink.room()
        } catch {
            throw semantic(error)
        }
    }

    private func store(
        _ number: DecimalNumber, _ text: UnsafeRawBufferPointer
    ) throws(DocumentFault) {
        let run = try sinkRoom()
        guard run.capacity > 0 else {
            throw .semantic(
                kind: .shapeMismatch(expected: expected, actual: nil), pointer: pointer,
                detail: "there are more numbers than the tensor has elements")
        }
        run.store(number, text, at: 0)
        sink.wrote(1)
    }

    private mutating func end(_ shape: [Int]) throws(DocumentFault) {
        do {
            try sink.end(shape: shape)
        } catch {
            throw semantic(error)
        }
        place = .end
    }
}
