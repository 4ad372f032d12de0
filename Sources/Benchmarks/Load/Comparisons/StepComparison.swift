import SystemIO

/// The time of one raw F32 step, from the first byte sent to the last one received: the service
/// and the floor server in turn, with the same gradients.
struct StepComparison {
    private let options: StepOptions
    private static let warmUps = 5

    init(_ options: StepOptions) {
        self.options = options
    }

    func run() throws {
        let (service, floor, count) = (options.service, options.floor, options.count)
        try BenchmarkSession.with(["load-benchmark"], on: service, count: count) { paths in
            try compare(
                try Stepper(service, path: paths[0] + "/steps", count),
                try Stepper(floor, path: floor.path, count))
        }
    }

    private func compare(_ service: Stepper, _ floor: Stepper) throws {
        var times = (service: [Double](), floor: [Double]())
        var sameBits = true
        for repetition in 0..<(Self.warmUps + options.repetitions) {
            // Taking turns at being first keeps what one leaves in the caches from favouring one.
            let first = repetition.isMultiple(of: 2)
            let early = first ? try service.step() : try floor.step()
            let late = first ? try floor.step() : try service.step()
            if repetition >= Self.warmUps {
                times.service.append(first ? early : late)
                times.floor.append(first ? late : early)
            }
            sameBits = sameBits && service.answer.elementsEqual(floor.answer)
        }
        report(Quartiles(times.service), Quartiles(times.floor), sameBits)
    }

    private func report(_ service: Quartiles, _ floor: Quartiles, _ sameBits: Bool) {
        let bytes = options.count * 4
        print("raw F32 step, n = \(options.count), \(bytes) bytes each way,", terminator: " ")
        print("\(options.repetitions) repetitions in turn")
        print("  service  \(service.line(unit: "ms", scale: 1e3, digits: 3))")
        print("  floor    \(floor.line(unit: "ms", scale: 1e3, digits: 3))")
        print("  answers  \(sameBits ? "the same bits" : "DIFFERENT BITS")")
        let ratio = decimal(service.median / floor.median, digits: 3)
        print("  ratio    \(ratio) times the floor's time")
    }
}
