import Foundation
import OptimizerEngine
import SeededChance
import Testing

/// The states that PyTorch's fused CPU Adam ends in; see Golden/README.md.
struct GoldenTests {
    /// One case: header words, then the bits of each vector by name.
    private struct Case {
        let words: [String: String]
        var vectors: [String: [UInt64]] = [:]

        func number(_ name: String) throws -> Double { try #require(Double(words[name] ?? "")) }
        func integer(_ name: String) throws -> Int { try #require(Int(words[name] ?? "")) }

        func hyperparameters() throws -> Hyperparameters {
            Hyperparameters(
                lr: try number("lr"), betas: (try number("beta1"), try number("beta2")),
                eps: try number("eps"), weightDecay: try number("weight_decay"),
                amsgrad: words["amsgrad"] == "1", maximize: words["maximize"] == "1")
        }
    }

    private func cases() throws -> [Case] {
        let url = try #require(
            Bundle.module.url(forResource: "adam", withExtension: "txt", subdirectory: "Golden"))
        let text = try String(contentsOf: url, encoding: .utf8)
        var cases: [Case] = []
        for line in text.split(separator: "\n").dropFirst() {
            let words = line.split(separator: " ")
            if words[0] == "case" {
                let pairs = words.dropFirst().map { $0.split(separator: "=").map(String.init) }
                cases.append(
                    Case(words: Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) })))
            } else {
                cases[cases.count - 1].vectors[String(words[0])] = try words.dropFirst().map {
                    try #require(UInt64($0, radix: 16))
                }
            }
        }
        return cases
    }

    private func check<Real: Working>(_ golden: Case, as real: Real.Type) throws {
        let count = try golden.integer("count")
        let type = try #require(OptimizerType(rawValue: golden.words["type"] ?? ""))
        let hyper = try golden.hyperparameters()
        for kernels in Kernels.available {
            var random = SplitMix(UInt64(try golden.integer("seed")))
            let start = random.values(count).map { Real($0) }
            let optimizer = try flat(type, hyper, start, kernels: kernels)
            var reference = ReferenceAdam(type, hyper, parameters: start)
            for _ in 0..<(try golden.integer("steps")) {
                let gradients = random.values(count).map { Real($0) }
                reference.step(gradients)
                #expect(try optimizer.step(gradients) == .apply)
            }
            #expect(optimizer.matches(reference))
            let names: [(String, StateVector)] = [
                ("param", .parameters), ("exp_avg", .expAvg), ("exp_avg_sq", .expAvgSq),
                ("max_exp_avg_sq", .maxExpAvgSq),
            ]
            for (name, which) in names where which != .maxExpAvgSq || hyper.amsgrad {
                let own = optimizer.values(which, as: Real.self).map { $0.bits }
                #expect(own == golden.vectors[name], "\(name) of \(golden.words)")
            }
        }
    }

    @Test func everyCaseBitForBit() throws {
        let cases = try cases()
        #expect(cases.count == 72)
        for golden in cases {
            switch golden.words["precision"] {
            case "f32": try check(golden, as: Float.self)
            case "f64": try check(golden, as: Double.self)
            default: Issue.record("unknown precision in \(golden.words)")
            }
        }
    }
}
