import OptimizerEngine
import SystemIO

/// Appends numbers and texts as the ledger's files hold them: little-endian, without gaps.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func integer<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// As its bits, so that no number changes on the way.
    mutating func double(_ number: Double) {
        integer(number.bitPattern)
    }

    /// A length of four bytes, then UTF-8.
    mutating func text(_ text: String) {
        integer(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func raw(_ more: some Collection<UInt8>) {
        bytes.append(contentsOf: more)
    }
}

/// Takes them out again in the same order. Nothing that a file holds makes it trap.
struct ByteReader {
    struct Fault: Error {}

    private let bytes: ArraySlice<UInt8>
    private var place: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        place = bytes.startIndex
    }

    init(_ bytes: [UInt8]) {
        self.init(bytes[...])
    }

    var isAtEnd: Bool { place == bytes.endIndex }
    var remaining: Int { bytes.endIndex - place }

    mutating func integer<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self
    ) throws(Fault) -> Number {
        let part = try raw(MemoryLayout<Number>.size)
        var number: Number = 0
        for byte in part.reversed() { number = number << 8 | Number(truncatingIfNeeded: byte) }
        return number
    }

    /// A number that counts or numbers something: never negative.
    mutating func count<Number: FixedWidthInteger>(
        _ type: Number.Type
    ) throws(Fault) -> Int {
        guard let count = Int(exactly: try integer(type)), count >= 0 else { throw Fault() }
        return count
    }

    mutating func double() throws(Fault) -> Double {
        Double(bitPattern: try integer())
    }

    mutating func text() throws(Fault) -> String {
        let part = try raw(try count(UInt32.self))
        guard let text = String(validating: part, as: UTF8.self) else { throw Fault() }
        return text
    }

    mutating func raw(_ count: Int) throws(Fault) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw Fault() }
        defer { place += count }
        return bytes[place..<place + count]
    }
}

// What several of the ledger's files hold.

extension ByteWriter {
    mutating func tag(_ tag: SessionTag) {
        integer(Int64(tag.generation))
        integer(Int64(tag.step))
    }

    mutating func key(_ key: IdempotencyKey) {
        text(key.text)
        raw(key.fingerprint)
    }

    mutating func time(_ time: WallTime) {
        integer(time.seconds)
        integer(time.nanoseconds)
    }

    /// In the order of the type's options: its numbers as doubles and its words as texts, then a
    /// byte with a bit for each flag and for whether there is a schedule, whose text as JSON comes
    /// behind. Adam's are lr, both betas, eps, weight decay, and the bits 1 for amsgrad, 2 for
    /// maximize, 4 for a schedule. The type is known to who reads. A step's values have no
    /// schedule: what it gave is their lr.
    mutating func hyperparameters(_ values: Hyperparameters) {
        var (bits, next) = (UInt8(0), UInt8(1))
        func bit(_ isSet: Bool) {
            if isSet { bits |= next }
            next <<= 1
        }
        for option in values.type.options {
            switch values[option] {
            case .number(let number): double(number)
            case .pair(let first, let second):
                double(first)
                double(second)
            case .triple(let first, let second, let third):
                for number in [first, second, third] { double(number) }
            case .adjustment(let adjustment): text(adjustment.rawValue)
            case .flag(let flag): bit(flag)
            case .schedule(let schedule): bit(schedule != nil)
            }
        }
        integer(bits)
        if let schedule = values.lrSchedule { text(ScheduleText.text(of: schedule)) }
    }
}

extension ByteReader {
    /// A position, generation or step. Somebody will count on from it, so it has a successor.
    mutating func number() throws(Fault) -> Int {
        let number = try count(Int64.self)
        guard number <= DataDirectory.highestNumber else { throw Fault() }
        return number
    }

    mutating func tag() throws(Fault) -> SessionTag {
        let generation = try number()
        return SessionTag(generation: generation, step: try number())
    }

    mutating func key() throws(Fault) -> IdempotencyKey {
        let text = try text()
        let fingerprint = Array(try raw(IdempotencyKey.fingerprintBytes))
        return IdempotencyKey(text: text, fingerprint: fingerprint)
    }

    mutating func time() throws(Fault) -> WallTime {
        let seconds = try integer(Int64.self)
        return WallTime(seconds: seconds, nanoseconds: try integer(Int32.self))
    }

    mutating func hyperparameters(of type: OptimizerType) throws(Fault) -> Hyperparameters {
        var values = type.defaults
        for option in type.options {
            switch option.kind {
            case .number: values[option] = .number(try double())
            case .pair: values[option] = .pair(try double(), try double())
            case .triple:
                values[option] = .triple(try double(), try double(), try double())
            case .adjustment:
                values[option] = .adjustment(try choice(LearningRateAdjustment.self))
            case .flag, .schedule: break
            }
        }
        var bits = try integer(UInt8.self)
        for option in type.options {
            let bit = bits & 1 != 0
            switch option.kind {
            case .flag: values[option] = .flag(bit)
            case .schedule:
                guard bit else { break }
                guard let schedule = ScheduleText.schedule(in: try text()) else { throw Fault() }
                values[option] = .schedule(schedule)
            case .number, .pair, .triple, .adjustment: continue
            }
            bits >>= 1
        }
        guard bits == 0 else { throw Fault() }
        return values
    }

    /// A word that stands for one of a few cases.
    mutating func choice<Choice: RawRepresentable<String>>(
        _ type: Choice.Type
    ) throws(Fault) -> Choice {
        guard let choice = Choice(rawValue: try text()) else { throw Fault() }
        return choice
    }
}
