import OptimizerEngine

/// What to measure, from the command line.
struct Options {
    enum Report {
        /// A line for each size, variant and level.
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
        usage: engine-benchmark [--n N,N,…] [--variant adam,adamw,amsgrad] [--type f32|f64]
                                [--level baseline,avx2,avx512] [--tensors T]
                                [--clip NORM] [--repeats R] [--nanoseconds apply|step]
        Measures one core. Without --nanoseconds: a table of parameters per second beside the
        roofline, a loop that moves the same bytes. The
        parameters form T tensors, by default one; --clip also clips the gradients' norm.
        """

    var sizes = [10_000, 100_000, 1_000_000, 10_000_000]
    var variants = Variant.allCases
    var type = ElementType.f32
    var levels = Kernels.available
    var tensors = 1
    var clip: Double?
    /// Nil: so many that a line takes about a second.
    var repeats: Int?
    var report = Report.table

    /// Nil when an argument is not understood.
    init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let flag = rest.popFirst() {
            guard let value = rest.popFirst() else { return nil }
            let words = value.split(separator: ",").map(String.init)
            switch flag {
            case "--n":
                sizes = words.compactMap { Int($0) }.filter { $0 > 0 }
                guard sizes.count == words.count, !sizes.isEmpty else { return nil }
            case "--variant":
                variants = words.compactMap(Variant.init(rawValue:))
                guard variants.count == words.count, !variants.isEmpty else { return nil }
            case "--type":
                guard let type = ["f32": ElementType.f32, "f64": .f64][value] else { return nil }
                self.type = type
            case "--level":
                levels = Kernels.available.filter { words.contains("\($0.level)") }
                guard levels.count == words.count, !levels.isEmpty else { return nil }
            case "--tensors":
                guard let count = Int(value), count > 0 else { return nil }
                tensors = count
            case "--clip":
                guard let norm = Double(value), norm.isFinite, norm >= 0 else { return nil }
                clip = norm
            case "--repeats":
                guard let count = Int(value), count > 0 else { return nil }
                repeats = count
            case "--nanoseconds":
                guard let phase = Phase(rawValue: value) else { return nil }
                report = .nanoseconds(phase)
            default:
                return nil
            }
        }
    }
}

/// An update rule to measure.
enum Variant: String, CaseIterable {
    case adam, adamw, amsgrad

    var type: OptimizerType { self == .adamw ? .adamw : .adam }

    var hyperparameters: Hyperparameters {
        var hyper = Hyperparameters(defaultsFor: type)
        hyper.amsgrad = self == .amsgrad
        return hyper
    }
}
