/// Reading bytes as text and comparing them with names that the program spells out.

/// The bytes as a String; what is not UTF-8 (obs-text, RFC 9110 §5.5) becomes U+FFFD.
func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
    bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
}

/// Whether the bytes in `range` are `name`, ASCII letters compared without case.
///
/// Unsafe part: `name.utf8Start` is valid for `utf8CodeUnitCount` bytes, because every StaticString
/// here is a string literal, and the loop stays below that count.
@inline(__always)
func isSame(_ bytes: Span<UInt8>, _ range: Range<Int>, _ name: StaticString) -> Bool {
    guard range.count == name.utf8CodeUnitCount else { return false }
    let expected = name.utf8Start
    for index in 0..<range.count
    where bytes[range.lowerBound + index].lowercased != expected[index].lowercased {
        return false
    }
    return true
}

/// `range` without optional whitespace at its ends (RFC 9110 §5.6.3).
@inline(__always)
func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, bytes[start].isBlank { start += 1 }
    while end > start, bytes[end - 1].isBlank { end -= 1 }
    return start..<end
}
