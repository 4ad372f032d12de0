/// The middle of a series of measurements and how far it spreads.
struct Quartiles {
    let lower: Double
    let median: Double
    let upper: Double

    /// - Parameter values: at least one.
    init(_ values: [Double]) {
        let sorted = values.sorted()
        func rank(_ share: Double) -> Double {
            sorted[Int((Double(sorted.count - 1) * share).rounded())]
        }
        lower = rank(0.25)
        median = rank(0.5)
        upper = rank(0.75)
    }

    func line(unit: String, scale: Double, digits: Int) -> String {
        let texts = [median, lower, upper].map { decimal($0 * scale, digits: digits) }
        return "\(texts[0]) \(unit) (quartiles \(texts[1]), \(texts[2]))"
    }
}

/// A number with a fixed count of digits after the point.
func decimal(_ value: Double, digits: Int) -> String {
    var unit = 1.0
    for _ in 0..<digits { unit *= 10 }
    let scaled = Int((value.magnitude * unit).rounded())
    let sign = value < 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(scaled)" }
    let fraction = String(scaled % Int(unit))
    let zeros = String(repeating: "0", count: digits - fraction.count)
    return "\(sign)\(scaled / Int(unit)).\(zeros)\(fraction)"
}
