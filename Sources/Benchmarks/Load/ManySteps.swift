/// Many small steps of sessions that are there already, for a soak: not a comparison.
struct ManySteps {
    private let options: StepsOptions

    init(_ options: StepsOptions) {
        self.options = options
    }

    /// A line for each session, its path and its steps; an answer that is not 200 ends the run.
    func run() throws {
        let paths = (0..<options.sessions).map { "\(options.service.path)\($0)" }
        let requests = try paths.map {
            try Stepper.request(options.service, path: $0 + "/steps", options.count)
        }
        let loop = try ClosedLoop(options.service, requests: requests)
        for (path, count) in zip(paths, try loop.answers(to: options.steps)) {
            print(path, count)
        }
    }
}
