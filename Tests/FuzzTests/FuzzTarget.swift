/// A reader of what strangers send, and what must hold for any bytes at all that it is given.
enum FuzzTarget: String, CaseIterable {
    /// Requests as a connection reads them: parser, framing, chunked decoder and state machine.
    case request
    /// One chunked body.
    case chunked
    /// JSON, alone and as a document with tensors.
    case document
    /// A safetensors file.
    case safetensors
    /// A state file, as an import takes it.
    case state
    /// A segment of a session's log, or a journal.
    case log

    func check(_ input: [UInt8]) throws {
        switch self {
        case .request: try RequestTarget.check(input)
        case .chunked: try ChunkedTarget.check(input)
        case .document: try DocumentTarget.check(input)
        case .safetensors: try SafetensorsTarget.check(input)
        case .state: try StateTarget.check(input)
        case .log: try LogTarget.check(input)
        }
    }
}

/// Something that did not hold.
struct Finding: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// - Parameter sentence: what must hold.
func require(_ holds: Bool, _ sentence: @autoclosure () -> String) throws {
    if !holds { throw Finding("not so: \(sentence())") }
}

/// The same, of two readings of one input.
func requireEqual<Value: Equatable>(
    _ left: Value, _ right: Value, _ sentence: @autoclosure () -> String
) throws {
    if left != right { throw Finding("not so: \(sentence())\n  \(left)\n  \(right)") }
}
