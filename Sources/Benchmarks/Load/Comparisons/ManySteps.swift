/// Many small steps of sessions that are there already, for a soak: not a comparison.
struct ManySteps {
    private let options: StepsOptions

    init(_ options: StepsOptions) {
        self.options = options
    }

    /// A line for each session, its path and its steps; a refusal ends the run.
    func run() throws {
        let paths = (0..<options.sessions).map { "\(options.service.path)\($0)" }
        let body = try StepFormat.raw.body(count: options.count)
        let requests = try paths.map { try options.service.step(at: $0 + "/steps", body: body) }
        let loop = try ClientLoop(options.service, requests)
        for (path, count) in zip(paths, try loop.answers(to: options.steps)) {
            print(path, count)
        }
    }
}
