import OptimizerEngine
import Testing

struct FacadeTests {
    private func parameters() throws -> (Parameter, Parameter) {
        let w = try Parameter("w", shape: [2, 2], values: [0.1, 0.2, 0.3, 0.4])
        let b = try Parameter("b", shape: [2], values: [0, 1])
        return (w, b)
    }

    @Test func literalsAreFloatAndDoublesStayDouble() throws {
        let (w, _) = try parameters()
        #expect(w.elementType == .f32 && w.values == [0.1, 0.2, 0.3, 0.4])
        let values: [Double] = [0.1]
        let d = try Parameter("d", shape: [1], values: values)
        #expect(d.elementType == .f64 && d.doubleValues == [0.1])
        d.doubleGradient = [0.2]
        #expect(d.gradient == [0.2] && d.doubleGradient == [0.2])
    }

    @Test func stepEqualsReference() throws {
        let (w, b) = try parameters()
        let optimizer = try AdamW(
            [ParameterGroup("slow", [b], lr: 1e-4), ParameterGroup("fast", [w])],
            lr: 0.1, weightDecay: 0.1)
        let hyper = Hyperparameters(lr: 0.1, weightDecay: 0.1)
        var slow = hyper
        slow.lr = 1e-4
        var fastReference = ReferenceOptimizer(.adamw, hyper, parameters: w.values)
        var slowReference = ReferenceOptimizer(.adamw, slow, parameters: b.values)
        for step in 1...3 {
            let g = Float(step)
            w.gradient = [g, -g, 2 * g, 0]
            fastReference.step([g, -g, 2 * g, 0])
            b.gradient = [g, 3]
            slowReference.step([g, 3])
            let report = try optimizer.step()
            #expect(report.applied && report.clipCoef == 1)
            #expect(report.lr == ["slow": 1e-4, "fast": 0.1])
            #expect(optimizer.lastStep == report)
        }
        #expect(same(w.values, fastReference.parameters))
        #expect(same(b.values, slowReference.parameters))
    }

    @Test func closureRunsFirstAndItsLossComesBack() throws {
        let (w, _) = try parameters()
        let optimizer = try Adam([w])
        let before = w.values
        let loss = try optimizer.step {
            #expect(w.values == before)
            w.gradient = [1, 1, 1, 1]
            return 0.25
        }
        #expect(loss == 0.25)
        #expect(w.values != before)
        struct Failure: Error {}
        let after = w.values
        #expect(throws: Failure.self) { try optimizer.step { throw Failure() } }
        #expect(w.values == after)
    }

    @Test func zeroGradForgetsOrFills() throws {
        let (w, b) = try parameters()
        let optimizer = try Adam([w, b])
        w.gradient = [1, 1, 1, 1]
        optimizer.zeroGrad(setToNone: false)
        #expect(w.gradient == [0, 0, 0, 0] && b.gradient == nil)
        optimizer.zeroGrad()
        #expect(w.gradient == nil)
        let before = w.values
        #expect(try optimizer.step().gradNorm == 0)
        #expect(w.values == before && optimizer.stateDict().state["w"]?.step == 0)
    }

    @Test func missingGradientsAreSkippedUnlessAskedFor() throws {
        let (w, b) = try parameters()
        let optimizer = try Adam([w, b], weightDecay: 0.1)
        w.gradient = [1, 1, 1, 1]
        #expect(throws: OptimizerError.missingGradient(["b"])) {
            try optimizer.step(StepOptions(partial: .error))
        }
        try optimizer.step()
        #expect(b.values == [0, 1])
        let state = optimizer.stateDict().state
        #expect(state["w"]?.step == 1 && state["b"]?.step == 0)
    }

    @Test func addedGroupsStartAtStepZero() throws {
        let (w, b) = try parameters()
        let optimizer = try Adam([w], lr: 0.1, amsgrad: true)
        w.gradient = [1, 2, 3, 4]
        try optimizer.step()
        let before = optimizer.stateDict()
        let (values, gradient) = (w.values, w.gradient)
        try optimizer.addParameterGroup(ParameterGroup("late", [b], lr: 0.5, amsgrad: false))
        #expect(w.values == values && w.gradient == gradient)
        #expect(optimizer.stateDict().state["w"] == before.state["w"])
        #expect(optimizer.parameterGroups.map(\.name) == ["default", "late"])
        b.gradient = [1, 1]
        try optimizer.step()
        let state = optimizer.stateDict().state
        #expect(state["w"]?.step == 2 && state["b"]?.step == 1)
        #expect(state["b"]?.tensors.count == 2 && state["w"]?.tensors.count == 3)
        var late = ReferenceOptimizer<Float>(.adam, .init(lr: 0.5), parameters: [0, 1])
        late.step([1, 1])
        #expect(b.values == late.parameters)
        #expect(throws: OptimizerError.parameterInTwoGroups(parameter: "w", group: "again")) {
            try optimizer.addParameterGroup(ParameterGroup("again", [w]))
        }
        #expect(throws: OptimizerError.duplicateGroup("late")) {
            try optimizer.addParameterGroup(
                ParameterGroup("late", [try Parameter("c", shape: [], values: [1])]))
        }
        #expect(optimizer.parameterGroups.count == 2)
    }

    @Test func sixteenBitParametersHaveMasters() throws {
        for type in [ElementType.f16, .bf16] {
            let p = try Parameter("p", shape: [1], values: [1], type: type)
            let optimizer = try Adam([p], lr: 1e-4)
            var reference = ReferenceOptimizer<Float>(.adam, .init(lr: 1e-4), parameters: [1])
            p.gradient = [1]
            try optimizer.step()
            reference.step([1])
            // The step is too small for the type, but not for the master.
            #expect(p.values == [1])
            #expect(p.masterValues == reference.parameters && p.masterValues[0] < 1)
            for _ in 0..<99 {
                p.gradient = [1]
                try optimizer.step()
                reference.step([1])
            }
            #expect(p.masterValues == reference.parameters)
            #expect(p.values[0] < 1)
            let rounded = try Parameter("r", shape: [1], values: [1.0001], type: type)
            #expect(rounded.masterValues == [1])
        }
    }

    @Test func clippingAndOptions() throws {
        let (w, _) = try parameters()
        let optimizer = try Adam([w], maxGradNorm: 1)
        w.gradient = [6, 0, 8, 0]
        #expect(try optimizer.step().clipCoef == 1 / (10 + 1e-6))
        let lifted = try optimizer.step(StepOptions(gradScale: 2, maxGradNorm: .none))
        #expect(lifted.clipCoef == 1 && lifted.gradNorm == 5)
        let own = try optimizer.step(
            StepOptions(lr: .byGroup(["default": 7]), maxGradNorm: .norm(5)))
        #expect(own.clipCoef == 5 / (10 + 1e-6) && own.lr == ["default": 7])
        #expect(throws: OptimizerError.unknownGroup("other")) {
            try optimizer.step(StepOptions(lr: .byGroup(["other": 1])))
        }
    }

    @Test func nonfiniteGradientsAreRefusedByName() throws {
        let (w, b) = try parameters()
        let optimizer = try Adam([w, b])
        w.gradient = [1, .nan, 1, 1]
        b.gradient = [1, 1]
        let before = optimizer.stateDict()
        #expect(throws: OptimizerError.nonfiniteGradient(["w"])) { try optimizer.step() }
        let report = try optimizer.step(StepOptions(nonfinite: .skip))
        #expect(!report.applied && report.gradNorm.isNaN)
        #expect(optimizer.stateDict() == before && b.values == [0, 1])
        optimizer.nonfinite = .propagate
        try optimizer.step()
        #expect(w.values[1].isNaN && !w.values[0].isNaN)
    }

    @Test func aParameterBelongsToItsLatestOptimizer() throws {
        let (w, _) = try parameters()
        let first = try Adam([w])
        w.gradient = [1, 1, 1, 1]
        let second = try AdamW([w])
        #expect(w.gradient == [1, 1, 1, 1])
        #expect(throws: OptimizerError.parameterTaken("w")) { try first.step() }
        try second.step()
        #expect(second.stateDict().state["w"]?.step == 1)
    }

    @Test func wrongCountsAreErrorsNotTraps() throws {
        #expect(throws: OptimizerError.wrongCount(parameter: "x", expected: 6, actual: 1)) {
            try Parameter("x", shape: [2, 3], values: [1])
        }
        for shape in [[-1], [Int.max, 2]] {
            #expect(throws: OptimizerError.invalidShape(parameter: "x", shape: shape)) {
                try Parameter("x", shape: shape, values: [1])
            }
        }
        let (w, _) = try parameters()
        let optimizer = try Adam([w])
        w.gradient = [1]
        #expect(throws: OptimizerError.wrongCount(parameter: "w", expected: 4, actual: 1)) {
            try optimizer.step()
        }
        w.gradient = [1, 1, 1, 1]
        w.values = [1]
        #expect(w.values == [0.1, 0.2, 0.3, 0.4])
        #expect(throws: OptimizerError.wrongCount(parameter: "w", expected: 4, actual: 1)) {
            try optimizer.step()
        }
        w.values = [4, 3, 2, 1]
        try optimizer.step()
        let empty = try Parameter("empty", shape: [0, 3], values: [])
        let other = try Adam([empty])
        empty.gradient = []
        #expect(try other.step().applied)
        #expect(other.stateDict().state["empty"]?.step == 1)
    }

    @Test func groupsThatDoNotFit() throws {
        let (w, b) = try parameters()
        let twin = try Parameter("w", shape: [], values: [1])
        let wide = try Parameter("wide", shape: [], values: [1.0] as [Double])
        #expect(throws: OptimizerError.noParameters) { try Adam([Parameter]()) }
        #expect(throws: OptimizerError.duplicateParameter("w")) { try Adam([w, twin]) }
        #expect(throws: OptimizerError.parameterInTwoGroups(parameter: "w", group: "default")) {
            try Adam([w, w])
        }
        #expect(
            throws: OptimizerError.mixedElementTypes(
                parameter: "wide", expected: .f32, actual: .f64)
        ) { try Adam([w, wide]) }
        #expect(throws: OptimizerError.parameterInTwoGroups(parameter: "w", group: "g")) {
            try Adam([ParameterGroup("f", [w, b]), ParameterGroup("g", [w])])
        }
    }
}
