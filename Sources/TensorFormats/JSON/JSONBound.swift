/// How long JSON text can get, known before it is written, so that memory for it can be set
/// aside. Every bound holds for the worst values; usual text is about half as long.
package enum JSONBound {
    /// A number of a tensor or a document with the comma behind it: "-", 17 digits, and "0.00000"
    /// in front of them. A Float has 9 digits at most, and is longest as an integer of 21 places.
    package static func number(_ dtype: DType) -> Int { dtype == .F64 ? 26 : 23 }

    /// A string with its quotes, and a colon or comma behind it: a control character takes six
    /// bytes (RFC 8259 §7).
    package static func string(_ text: String) -> Int { 6 * text.utf8.count + 3 }

    /// An integer of 64 bits, its sign and a comma.
    package static let integer = 21

    /// A tensor's name, which has no control characters.
    package static func name(_ tensor: TensorDescription) -> Int {
        2 * tensor.name.utf8.count + 3
    }
}

extension TensorDescription {
    /// A bound for the text of a member that is this tensor, without its numbers.
    package var jsonFrameBytes: Int {
        guard shape.count <= JSONWriter.largestNestedRank, elementCount > 0 else {
            // {"dtype":"BF16","shape":[…],"data":[…]},
            return JSONBound.name(self) + 48 + JSONBound.integer * shape.count
        }
        // An array begins at each index of the dimensions around it: two brackets and a comma.
        var arrays = shape.isEmpty ? 0 : 1
        var product = 1
        for extent in shape.dropLast() {
            product *= extent
            arrays += product
        }
        return JSONBound.name(self) + 3 * arrays
    }
}
