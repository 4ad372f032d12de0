/// Takes the events of a JSON text from `JSONScanner`, in order.
///
/// Names and strings arrive decoded. A handler may refuse by throwing; the scanner is of no
/// further use then.
protocol JSONHandler {
    associatedtype Fault: Error
    static func fault(_ fault: JSONFault) -> Fault

    mutating func beginObject() throws(Fault)
    mutating func key(_ name: String) throws(Fault)
    mutating func endObject() throws(Fault)
    mutating func beginArray() throws(Fault)
    mutating func endArray() throws(Fault)
    mutating func string(_ text: String) throws(Fault)
    /// `text` is the number's spelling, valid during the call.
    mutating func number(_ number: DecimalNumber, _ text: UnsafeRawBufferPointer) throws(Fault)
    mutating func bool(_ value: Bool) throws(Fault)
    mutating func null() throws(Fault)

    /// Asked in front of a number inside an array: memory for this and the following numbers,
    /// so that they need no event each. Nil asks for events.
    mutating func numberRun() throws(Fault) -> NumberRun?
    /// `count` numbers were written to the last `numberRun()`.
    mutating func wrote(_ count: Int)
}

extension JSONHandler {
    mutating func numberRun() throws(Fault) -> NumberRun? { nil }
    mutating func wrote(_ count: Int) {}
}
