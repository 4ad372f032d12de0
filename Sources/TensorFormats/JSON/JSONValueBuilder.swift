/// Builds a `JSONValue` from events.
struct JSONValueBuilder: JSONHandler {
    /// A container under construction.
    private struct Frame {
        let isObject: Bool
        var elements: [JSONValue] = []
        var members: [JSONMember] = []
        var name = ""
    }

    private var frames: [Frame] = []
    private var root: JSONValue?
    /// Roughly the memory that the values built so far hold.
    private(set) var byteCount = 0
    private static let bytesPerValue = 16

    typealias Fault = JSONFault

    static func fault(_ fault: JSONFault) -> JSONFault { fault }

    /// Whether a whole value has been built.
    var isComplete: Bool { root != nil }

    /// The finished value; the builder is ready for another one afterwards.
    mutating func take() -> JSONValue? {
        defer { root = nil }
        return root
    }

    mutating func beginObject() { frames.append(Frame(isObject: true)) }

    mutating func beginArray() { frames.append(Frame(isObject: false)) }

    mutating func key(_ name: String) {
        byteCount += Self.bytesPerValue + name.utf8.count
        frames[frames.count - 1].name = name
    }

    mutating func endObject() { close() }

    mutating func endArray() { close() }

    mutating func string(_ text: String) {
        byteCount += text.utf8.count
        add(.string(text))
    }

    mutating func number(_ number: DecimalNumber, _ text: UnsafeRawBufferPointer) {
        let value = number.double(PowersOfTen.shared) { String(decoding: text, as: UTF8.self) }
        add(.number(value))
    }

    mutating func bool(_ value: Bool) { add(.bool(value)) }

    mutating func null() { add(.null) }

    private mutating func close() {
        let frame = frames.removeLast()
        add(frame.isObject ? .object(frame.members) : .array(frame.elements))
    }

    private mutating func add(_ value: JSONValue) {
        byteCount += Self.bytesPerValue
        guard !frames.isEmpty else {
            root = value
            return
        }
        let last = frames.count - 1
        if frames[last].isObject {
            frames[last].members.append(JSONMember(name: frames[last].name, value: value))
        } else {
            frames[last].elements.append(value)
        }
    }
}
