/// The rules for tensor names: UTF-8 without control characters, 1 to 512 bytes, and not the
/// name that safetensors keeps for its metadata. Names are bytes and are never normalised.
package enum TensorName {
    package static let reserved = "__metadata__"

    /// What is wrong with `name`, in words; nil when nothing is.
    package static func fault(in name: String, maximumBytes: Int = 512) -> String? {
        let count = name.utf8.count
        if count == 0 { return "a tensor name must not be empty" }
        if count > maximumBytes {
            return "a tensor name must not be longer than \(maximumBytes) bytes, "
                + "but this one has \(count)"
        }
        if name == reserved {
            return "the name \(reserved) is reserved for the metadata of safetensors files"
        }
        // Mostly there is nothing to ask Unicode's tables for.
        if name.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return nil }
        for scalar in name.unicodeScalars where scalar.properties.generalCategory == .control {
            return "a tensor name must not contain control characters, but this one contains "
                + "U+\(hexadecimal(scalar.value))"
        }
        return nil
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
