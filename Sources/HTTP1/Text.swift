/// Reading bytes as text and comparing them with names that the program spells out.

/// The bytes as a String; what is not UTF-8 (obs-text, RFC 9110 §5.5) becomes U+FFFD.
func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
    bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
}

/// Whether the bytes in `range` are `name`, ASCII letters compared without case.
///
/// Mostly they are the same to the byte, or of another length; so that is looked at first.
///
/// Unsafe part: `name.utf8Start` is valid for `utf8CodeUnitCount` bytes, because every StaticString
/// here is a string literal, and nothing reads beyond that count.
@inline(__always)
func isSame(_ bytes: Span<UInt8>, _ range: Range<Int>, _ name: StaticString) -> Bool {
    guard range.count == name.utf8CodeUnitCount else { return false }
    guard !range.isEmpty else { return true }
    let found = bytes.extracting(range)
    // The bit that tells lower case from upper case is let go.
    guard (found[0] ^ name.utf8Start[0]) & ~0x20 == 0 else { return false }
    return found.withUnsafeBytes { isSame($0, name.utf8Start) } || isSameWithoutCase(found, name)
}

/// Unsafe part: `other` is valid for as many bytes as `bytes` has.
private func isSame(_ bytes: UnsafeRawBufferPointer, _ other: UnsafeRawPointer) -> Bool {
    var index = 0
    while index + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        guard word == other.loadUnaligned(fromByteOffset: index, as: UInt64.self) else {
            return false
        }
        index += 8
    }
    while index < bytes.count {
        guard bytes[index] == other.load(fromByteOffset: index, as: UInt8.self) else {
            return false
        }
        index += 1
    }
    return true
}

private func isSameWithoutCase(_ bytes: Span<UInt8>, _ name: StaticString) -> Bool {
    let expected = name.utf8Start
    for index in bytes.indices where bytes[index].lowercased != expected[index].lowercased {
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
