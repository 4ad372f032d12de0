import OptimizerEngine
import Testing

struct StateDictionaryTests {
    private func optimizer(
        _ value: Float = 1, amsgrad: Bool = true
    ) throws -> (Parameter, Parameter, Adam) {
        let w = try Parameter("w", shape: [2], values: [value, value])
        let b = try Parameter("b", shape: [], values: [value])
        let optimizer = try Adam(
            [ParameterGroup("g", [b], lr: 0.5), ParameterGroup("default", [w])],
            amsgrad: amsgrad)
        return (w, b, optimizer)
    }

    private func step(_ w: Parameter, _ b: Parameter, _ optimizer: Optimizer, _ g: Float) throws {
        w.gradient = [g, -g]
        b.gradient = [3 * g]
        try optimizer.step()
    }

    @Test func resumedRunsAreTheSameRun() throws {
        let (w, b, first) = try optimizer()
        for g in [1, 0.5, 3] as [Float] { try step(w, b, first, g) }
        try first.setHyperparameters(.init(lr: 0.125), group: "g")
        let state = first.stateDict()
        let (w2, b2, second) = try optimizer()
        (w2.values, b2.values) = (w.values, b.values)
        try second.load(stateDict: state)
        #expect(second.stateDict() == state)
        #expect(second.parameterGroups[0].hyperparameters.lr == 0.125)
        for g in [0.25, 2] as [Float] {
            try step(w, b, first, g)
            try step(w2, b2, second, g)
        }
        #expect(w.values == w2.values && b.values == b2.values)
        #expect(second.stateDict() == first.stateDict())
    }

    @Test func hyperparametersComeAlong() throws {
        let (w, b, plain) = try optimizer(amsgrad: false)
        try step(w, b, plain, 1)
        let (_, _, amsgrad) = try optimizer(amsgrad: true)
        try amsgrad.load(stateDict: plain.stateDict())
        #expect(amsgrad.stateDict() == plain.stateDict())
    }

    @Test func doublesStayDoubles() throws {
        let p = try Parameter("p", shape: [1], values: [0.1] as [Double])
        let optimizer = try Adam([p])
        p.doubleGradient = [0.3]
        try optimizer.step()
        let state = optimizer.stateDict()
        guard case .f64(let moment) = state.state["p"]?.tensors["exp_avg"]?.values else {
            Issue.record("not F64")
            return
        }
        var reference = ReferenceOptimizer(.adam, .init(), parameters: [0.1])
        reference.step([0.3])
        #expect(moment == reference.moments[.expAvg])
        try optimizer.load(stateDict: state)
        #expect(optimizer.stateDict() == state)
    }

    @Test func everyMisfitIsItsOwnErrorAndChangesNothing() throws {
        let (w, b, optimizer) = try optimizer()
        try step(w, b, optimizer, 1)
        let good = optimizer.stateDict()
        try step(w, b, optimizer, 2)
        let before = optimizer.stateDict()

        func expect(_ fault: StateFault, _ change: (inout StateDictionary) -> Void) {
            var state = good
            change(&state)
            #expect(throws: OptimizerError.state(fault)) { try optimizer.load(stateDict: state) }
            #expect(optimizer.stateDict() == before)
        }
        expect(.wrongType(expected: .adam, actual: .adamw)) { $0.type = .adamw }
        expect(.missing(entry: "w")) { $0.state["w"] = nil }
        expect(.unexpected(entry: "x")) { $0.state["x"] = $0.state["w"] }
        expect(.missing(entry: "w/max_exp_avg_sq")) {
            $0.state["w"]?.tensors["max_exp_avg_sq"] = nil
        }
        expect(.unexpected(entry: "b/max_exp_avg_sq")) {
            $0.parameterGroups[0].hyperparameters.amsgrad = false
        }
        expect(.wrongShape(entry: "w/exp_avg", expected: [2], actual: [1, 2])) {
            $0.state["w"]?.tensors["exp_avg"]?.shape = [1, 2]
        }
        expect(.wrongElementType(entry: "w/exp_avg_sq", expected: .f32, actual: .f64)) {
            $0.state["w"]?.tensors["exp_avg_sq"]?.values = .f64([1, 2])
        }
        expect(.wrongCount(entry: "w/max_exp_avg_sq", expected: 2, actual: 3)) {
            $0.state["w"]?.tensors["max_exp_avg_sq"]?.values = .f32([1, 2, 3])
        }
        expect(.invalidStep(entry: "b/step", step: -1)) { $0.state["b"]?.step = -1 }
        expect(.invalidStep(entry: "b/step", step: .max)) { $0.state["b"]?.step = .max }
        expect(.wrongGroup("h")) { $0.parameterGroups[0].name = "h" }
        expect(.wrongGroup("g")) { $0.parameterGroups[0].parameters = ["w"] }
        expect(.wrongGroup("default")) { $0.parameterGroups.removeLast() }
        var state = good
        state.parameterGroups[1].hyperparameters.lr = .nan
        #expect(throws: OptimizerError.self) { try optimizer.load(stateDict: state) }
        #expect(optimizer.stateDict() == before)
        try optimizer.load(stateDict: good)
        #expect(optimizer.stateDict() == good)
    }
}
