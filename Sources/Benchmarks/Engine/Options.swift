import OptimizerEngine
import SystemIO

/// What to measure, from the command line.
struct Options {
    enum Report {
        /// A line for each size, variant, number of lanes and level.
        case table
        /// The median of one phase, in nanoseconds and nothing else: what compare_torch.py reads.
        case nanoseconds(Phase)
    }

    enum Phase: String, CaseIterable {
        /// The fused pass alone: gradients in, parameters and moments updated.
        case apply
        /// A whole step as a session takes it: finite test and norm first.
        case step
    }

    static let usage = """
        usage: engine-benchmark [--n N,N,…] [--variant amsgrad,sgd,…] [--type f32|f64]
                                [--wire f32|f64|bf16|f16] [--answer none|wire]
                                [--lanes K,K,…] [--level baseline,avx2,avx512] [--tensors T]
                                [--clip NORM] [--repeats R] [--nanoseconds apply|step]
        Without --nanoseconds: a table of parameters per second beside the roofline, a loop that
        moves the same bytes with the widest registers on as many threads. --lanes are the threads
        that share a step, by default 1, 2, 4 and so on up to the processors. --type is what the
        parameters and moments are kept in, --wire the type of the gradients, by default the same;
        with --answer wire the updated parameters are also written in that type, to memory of
        their own. The parameters form T tensors, by default one; --clip also clips the
        gradients' norm.
        """

    var sizes = [10_000, 100_000, 1_000_000, 10_000_000, 50_000_000]
    var variants = Variant.allCases
    var type = ElementType.f32
    private var givenWire: ElementType?
    var answers = false
    var lanes = Options.doublings(upTo: Machine.cores)
    var levels = Kernels.available
    var tensors = 1
    var clip: Double?
    /// Nil: so many that a line takes about a second.
    var repeats: Int?
    var report = Report.table

    var wire: ElementType { givenWire ?? type }

    /// Nil when an argument is not understood.
    init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let flag = rest.popFirst() {
            guard let value = rest.popFirst(), take(flag, value) else { return nil }
        }
    }

    /// Whether the option was understood.
    private mutating func take(_ flag: String, _ value: String) -> Bool {
        switch flag {
        case "--n": Self.set(&sizes, Self.list(value, Self.positive))
        case "--variant": Self.set(&variants, Self.list(value, Variant.init(rawValue:)))
        case "--type": Self.set(&type, ["f32": .f32, "f64": .f64][value])
        case "--wire":
            Self.set(&givenWire, ElementType.allCases.first { "\($0)" == value })
        case "--answer": Self.set(&answers, ["none": false, "wire": true][value])
        case "--lanes": Self.set(&lanes, Self.list(value, Self.positive))
        case "--level":
            Self.set(
                &levels,
                Self.list(value) { name in Kernels.available.first { "\($0.level)" == name } })
        case "--tensors": Self.set(&tensors, Self.positive(value))
        case "--clip": Self.set(&clip, Double(value).flatMap { $0 >= 0 && $0.isFinite ? $0 : nil })
        case "--repeats": Self.set(&repeats, Self.positive(value))
        case "--nanoseconds":
            Self.set(&report, Phase(rawValue: value).map(Report.nanoseconds))
        default: false
        }
    }

    private static func set<Value>(_ target: inout Value, _ value: Value?) -> Bool {
        guard let value else { return false }
        target = value
        return true
    }

    private static func set<Value>(_ target: inout Value?, _ value: Value?) -> Bool {
        target = value
        return value != nil
    }

    private static func list<Element>(
        _ text: String, _ read: (String) -> Element?
    ) -> [Element]? {
        let words = text.split(separator: ",").map(String.init)
        let elements = words.compactMap(read)
        return elements.count == words.count && !elements.isEmpty ? elements : nil
    }

    private static func positive(_ text: String) -> Int? {
        Int(text).flatMap { $0 > 0 ? $0 : nil }
    }

    private static func doublings(upTo most: Int) -> [Int] {
        Array(sequence(first: 1) { $0 * 2 <= most ? $0 * 2 : nil })
    }
}
