/// How much a client prefers one choice to others (RFC 9110 §12.4.2).
enum Weight {
    /// ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ) in thousandths; nil when malformed.
    static func thousandths(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard let whole = bytes.first, whole == 0x30 || whole == 0x31, bytes.count <= 5,
            bytes.count == 1 || bytes[1] == 0x2e
        else { return nil }
        var value = Int(whole - 0x30)
        for place in 2..<5 {
            guard place >= bytes.count || bytes[place].isDigit else { return nil }
            value = value * 10 + (place < bytes.count ? Int(bytes[place] - 0x30) : 0)
        }
        return value <= 1000 ? value : nil
    }
}
