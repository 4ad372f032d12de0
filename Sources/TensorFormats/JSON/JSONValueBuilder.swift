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
    /// The memory that the values built so far hold, and what finding a name used twice takes.
    private(set) var byteCount = 0
    /// What an array or a long string has in front of its contents, or a member in a set of names.
    private static let headerBytes = 32
    /// Strings up to this length lie where the value lies.
    private static let inlineStringBytes = 15

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
        charge(name)
        frames[frames.count - 1].name = name
    }

    mutating func endObject() { close() }

    mutating func endArray() { close() }

    mutating func string(_ text: String) {
        byteCount += Self.byteCount(of: text)
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
        byteCount += Self.headerBytes
        add(frame.isObject ? .object(frame.members) : .array(frame.elements))
    }

    private mutating func add(_ value: JSONValue) {
        guard !frames.isEmpty else {
            byteCount += MemoryLayout<JSONMember>.stride
            root = value
            return
        }
        let last = frames.count - 1
        // Arrays grow by doubling: half of one may be room.
        if frames[last].isObject {
            byteCount += 2 * MemoryLayout<JSONMember>.stride
            frames[last].members.append(JSONMember(name: frames[last].name, value: value))
        } else {
            byteCount += 2 * MemoryLayout<JSONValue>.stride
            frames[last].elements.append(value)
        }
    }

    /// Counts a member's name, which may also be that of a value that is built from here on.
    mutating func charge(_ name: String) {
        byteCount += Self.byteCount(of: name) + Self.headerBytes
    }

    private static func byteCount(of text: String) -> Int {
        let count = text.utf8.count
        return count > inlineStringBytes ? headerBytes + count : 0
    }
}
