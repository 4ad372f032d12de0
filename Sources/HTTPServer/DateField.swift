import SystemIO

/// The Date field's value, made once a second.
struct DateField {
    private var second: Int64?
    private var value: [UInt8] = []

    mutating func bytes(_ time: WallTime) -> [UInt8] {
        if second != time.seconds {
            second = time.seconds
            value = Array(WallClock.httpDate(time).utf8)
        }
        return value
    }
}
