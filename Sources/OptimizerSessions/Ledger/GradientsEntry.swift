/// Everything about accumulated gradients but their values.
///
/// In a record: a byte of flags (1: an idempotency key), the weight as a double, the number of
/// gradients that were accumulated then, these included (4 bytes), with a key its text and
/// fingerprint as in a `StepEntry`, and the runs of the gradients (`TensorRuns`).
struct GradientsEntry {
    var weight: Double
    var count: Int
    var key: IdempotencyKey?
    var gradients: TensorRuns

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.raw([key == nil ? 0 : 1])
        writer.double(weight)
        writer.integer(UInt32(count))
        if let key { writer.key(key) }
        gradients.write(to: &writer)
        return writer.bytes
    }

    init(weight: Double, count: Int, key: IdempotencyKey?, gradients: TensorRuns) {
        self.weight = weight
        self.count = count
        self.key = key
        self.gradients = gradients
    }

    init(_ bytes: [UInt8]) throws(ByteReader.Fault) {
        var reader = ByteReader(bytes)
        let flags = try reader.integer(UInt8.self)
        weight = try reader.double()
        guard weight.isFinite, weight > 0 else { throw ByteReader.Fault() }
        count = try reader.count(UInt32.self)
        if flags & 1 != 0 { key = try reader.key() }
        gradients = try TensorRuns(from: &reader)
        guard reader.isAtEnd, flags & ~1 == 0 else { throw ByteReader.Fault() }
    }
}
