// engine-benchmark: how many parameters a second an optimizer's threads update, beside how many
// they could if arithmetic were free. Ratios are what counts; nothing here gates a test.

import OptimizerEngine

/// The median of `repeats` times, in nanoseconds, after two that warm the caches.
func median(_ repeats: Int, _ time: () throws -> Duration) rethrows -> Double {
    var times: [Double] = []
    for round in 0..<repeats + 2 {
        let duration = try time().components
        let nanoseconds = Double(duration.seconds) * 1e9 + Double(duration.attoseconds) / 1e9
        if round >= 2 { times.append(nanoseconds) }
    }
    return middle(times)
}

func middle(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }

/// Right-aligned in a column.
func column(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

/// Billions of parameters a second, with three digits after the point.
func rate(_ count: Int, _ nanoseconds: Double) -> String {
    let thousandths = Int((Double(count) / nanoseconds * 1e3).rounded())
    let fraction = "\(1000 + thousandths % 1000)".dropFirst()
    return column("\(thousandths / 1000).\(fraction)", 10)
}

func printTable(_ options: Options) throws {
    let answer = options.answers ? ", parameters answered in \(options.wire)" : ""
    print("G parameters/s, kept in \(options.type),", terminator: " ")
    print("gradients in \(options.wire)\(answer), medians")
    print("         n  variant lanes     level     apply      step  roofline  apply/roofline")
    for count in options.sizes {
        for variant in options.variants {
            for lanes in options.lanes {
                try printLines(options, variant, count: count, try Lanes(count: lanes))
            }
        }
    }
}

/// A line for each level. What a line compares is measured in rounds, so that a change of the
/// machine's speed meets all of it.
func printLines(_ options: Options, _ variant: Variant, count: Int, _ lanes: Lanes) throws {
    let rounds = 5
    let repeats = max(1, (options.repeats ?? min(2000, 200_000_000 / count)) / rounds)
    let roofline = try Roofline(options, variant, count: count, lanes: lanes)
    for kernels in options.levels {
        let workload = try Workload(
            variant, count: count, options: options, kernels: kernels, lanes: lanes)
        var (bounds, applies, steps): ([Double], [Double], [Double]) = ([], [], [])
        for _ in 0..<rounds {
            bounds.append(median(repeats) { roofline.time() })
            applies.append(try median(repeats) { try workload.time(.apply) })
            steps.append(try median(repeats) { try workload.time(.step) })
        }
        let (bound, apply) = (middle(bounds), middle(applies))
        let percent = "\(Int((bound / apply * 100).rounded())) %"
        print(
            column("\(count)", 10), column(variant.rawValue, 9), column("\(lanes.count)", 6),
            column("\(kernels.level)", 10), rate(count, apply), rate(count, middle(steps)),
            rate(count, bound), column(percent, 16), separator: "")
    }
}

let options = Options(Array(CommandLine.arguments.dropFirst()))
switch (options, options?.report) {
case (let options?, .table):
    try printTable(options)
case (let options?, .nanoseconds(let phase)):
    let workload = try Workload(
        options.variants[0], count: options.sizes[0], options: options,
        kernels: options.levels[options.levels.count - 1],
        lanes: try Lanes(count: options.lanes[0]))
    print(try median(options.repeats ?? 100) { try workload.time(phase) })
default:
    print(Options.usage)
}
