import SystemIO

/// The formats of a step, and a body of F32 gradients of one vector, `w`, in each.
enum StepFormat: String, CaseIterable {
    case raw, safetensors, json

    var mediaType: String {
        switch self {
        case .raw: "application/octet-stream"
        case .safetensors: "application/safetensors"
        case .json: "application/json"
        }
    }

    func body(count: Int) throws -> Slab {
        switch self {
        case .raw:
            let body = try Slab(byteCount: count * 4)
            Gradients.fill(body.bytes)
            return body
        case .safetensors:
            let file = try SafetensorsFile(count: count)
            Gradients.fill(file.data)
            return file.slab
        case .json:
            return try GradientsDocument.body(count: count)
        }
    }

    /// The most parameters whose gradients take no more than `byteCount` bytes; at least one.
    func count(bodyBytes byteCount: Int) -> Int {
        let count =
            switch self {
            case .raw: byteCount / 4
            case .safetensors: (byteCount - SafetensorsFile.headBytes(count: byteCount)) / 4
            case .json: GradientsDocument.count(bodyBytes: byteCount)
            }
        return max(1, count)
    }
}

enum Gradients {
    /// Numbers between −1 and 1 that follow no pattern and are the same in every run.
    static func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        var chance = Chance()
        for offset in stride(from: 0, to: bytes.count, by: 4) {
            let value = Float(Int32(truncatingIfNeeded: chance.next() >> 32)) / 0x1p31
            bytes.storeBytes(of: value, toByteOffset: offset, as: Float.self)
        }
    }
}

/// A linear congruential generator (Knuth's MMIX).
struct Chance {
    private var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state
    }
}
