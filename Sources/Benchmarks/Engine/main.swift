// engine-benchmark: how many parameters a second one core updates, beside how many it could if
// arithmetic were free. Ratios are what counts; nothing here gates a test.

import OptimizerEngine

/// The median of `repeats` times, in nanoseconds, after two that warm the caches.
func median(_ repeats: Int, _ time: () throws -> Duration) rethrows -> Double {
    var times: [Double] = []
    for round in 0..<repeats + 2 {
        let duration = try time().components
        let nanoseconds = Double(duration.seconds) * 1e9 + Double(duration.attoseconds) / 1e9
        if round >= 2 { times.append(nanoseconds) }
    }
    return times.sorted()[repeats / 2]
}

/// Right-aligned in a column.
func column(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

/// Millions of parameters a second.
func rate(_ count: Int, _ nanoseconds: Double) -> String {
    column("\(Int((Double(count) / nanoseconds * 1e3).rounded()))", 12)
}

func printTable(_ options: Options) throws {
    print("millions of \(options.type) parameters a second, one core, medians")
    print("         n  variant     level       apply        step    roofline  apply/roofline")
    for count in options.sizes {
        let repeats = options.repeats ?? min(2000, max(5, 200_000_000 / count))
        for variant in options.variants {
            let vectors = variant == .amsgrad ? 4 : 3
            let roofline = Roofline(
                byteCount: count * options.type.byteCount, vectors: vectors)
            let bound = median(repeats) { roofline.time() }
            for kernels in options.levels {
                let workload = try Workload(
                    variant, count: count, options: options, kernels: kernels)
                let apply = try median(repeats) { try workload.time(.apply) }
                let step = try median(repeats) { try workload.time(.step) }
                let percent = "\(Int((bound / apply * 100).rounded())) %"
                print(
                    column("\(count)", 10), column(variant.rawValue, 8),
                    column("\(kernels.level)", 9), rate(count, apply), rate(count, step),
                    rate(count, bound), column(percent, 14), separator: "")
            }
        }
    }
}

let options = Options(Array(CommandLine.arguments.dropFirst()))
switch (options, options?.report) {
case (let options?, .table):
    try printTable(options)
case (let options?, .nanoseconds(let phase)):
    let workload = try Workload(
        options.variants[0], count: options.sizes[0], options: options,
        kernels: options.levels[options.levels.count - 1])
    print(try median(options.repeats ?? 100) { try workload.time(phase) })
default:
    print(Options.usage)
}
