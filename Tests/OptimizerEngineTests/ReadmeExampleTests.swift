import OptimizerEngine
import Testing

/// README quotes the import above and the lines between the marks.
@Test func readmeExample() throws {
    // README: begin
    let w = try Parameter("w", shape: [2, 2], values: [0.1, 0.2, 0.3, 0.4])
    let optimizer = try Adam([w], lr: 0.1)
    for _ in 1...100 {
        w.gradient = w.values.map { 2 * ($0 - 1) }  // of the loss Σ (w − 1)²
        try optimizer.step()
    }
    print(w.values)  // about 1, each
    // README: end
    #expect(w.values.allSatisfy { abs($0 - 1) < 0.05 })
}
