/// What to compare, from the command line.
enum Options {
    case help
    case step(StepOptions)
    case livez(RateOptions)
    case durable(DurableOptions)
    case steps(StepsOptions)

    static let manual = """
        usage: load-benchmark step  --service URL --floor URL [-n COUNT] [--repetitions COUNT]
               load-benchmark livez --service URL --peer URL [--connections COUNT]
                                    [--rounds COUNT] [--seconds COUNT]
               load-benchmark durable --service URL [-n COUNT] [--repetitions COUNT]
                                    [--small COUNT] [--sessions COUNT]
                                    [--rounds COUNT] [--seconds COUNT]
               load-benchmark steps --service URL [--steps COUNT] [-n COUNT]
                                    [--sessions COUNT]

        step    One optimizer step of COUNT raw F32 gradients over one connection, asked of the
                service (http://127.0.0.1:8080; a session is made and deleted) and of the floor
                server in turn. Prints the median times, their ratio, and whether every answer
                had the same bits.
        livez   Requests for two URLs over keep-alive connections, each of which asks again as
                soon as it is answered; one server rests while the other is asked. Prints the
                median rates and their ratio.
        durable One step of COUNT gradients in a session with a log and in one without, in turn;
                then small steps of one session and of many, whose records share syncs.
        steps   So many steps in all of the sessions whose paths are the URL's and 0, 1, 2 and
                so on, each over a connection of its own. Prints what each one was answered.

        -n COUNT              parameters of the session (1000000; 10 for steps)
        --repetitions COUNT   steps of each server that are measured (101)
        --connections COUNT   keep-alive connections to each server (64)
        --rounds COUNT        turns of each server (7)
        --seconds COUNT       length of one turn (1)
        --small COUNT         parameters of each session with small steps (1000)
        --sessions COUNT      how many of these (64)
        --steps COUNT         steps in all (1000000)
        """

    static func parse(_ arguments: [String]) throws -> Options {
        if arguments.isEmpty || arguments.contains("--help") || arguments.contains("-h") {
            return .help
        }
        var values = try OptionValues(Array(arguments.dropFirst()))
        let options: Options
        switch arguments[0] {
        case "step":
            options = .step(
                StepOptions(
                    service: try values.endpoint("--service"),
                    floor: try values.endpoint("--floor"),
                    count: try values.count("-n", default: 1_000_000),
                    repetitions: try values.count("--repetitions", default: 101)))
        case "livez":
            options = .livez(
                RateOptions(
                    service: try values.endpoint("--service"),
                    peer: try values.endpoint("--peer"),
                    connections: try values.count("--connections", default: 64),
                    rounds: try values.count("--rounds", default: 7),
                    seconds: try values.count("--seconds", default: 1)))
        case "durable":
            options = .durable(
                DurableOptions(
                    service: try values.endpoint("--service"),
                    count: try values.count("-n", default: 1_000_000),
                    repetitions: try values.count("--repetitions", default: 101),
                    smallCount: try values.count("--small", default: 1_000),
                    sessions: try values.count("--sessions", default: 64),
                    rounds: try values.count("--rounds", default: 7),
                    seconds: try values.count("--seconds", default: 1)))
        case "steps":
            options = .steps(
                StepsOptions(
                    service: try values.endpoint("--service"),
                    steps: try values.count("--steps", default: 1_000_000),
                    count: try values.count("-n", default: 10),
                    sessions: try values.count("--sessions", default: 64)))
        case let other:
            throw UsageError(description: "unknown comparison \(other)")
        }
        try values.refuseOthers()
        return options
    }
}

struct StepOptions {
    let service: Endpoint
    let floor: Endpoint
    let count: Int
    let repetitions: Int
}

struct RateOptions {
    let service: Endpoint
    let peer: Endpoint
    let connections: Int
    let rounds: Int
    let seconds: Int
}

struct DurableOptions {
    let service: Endpoint
    let count: Int
    let repetitions: Int
    let smallCount: Int
    let sessions: Int
    let rounds: Int
    let seconds: Int
}

struct StepsOptions {
    let service: Endpoint
    let steps: Int
    let count: Int
    let sessions: Int
}

struct UsageError: Error, CustomStringConvertible {
    let description: String
}

/// Option values by name; each is taken once.
private struct OptionValues {
    private var values: [String: String] = [:]

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard name.hasPrefix("-"), let value = rest.popFirst() else {
                throw UsageError(description: "\(name) needs a value; see --help")
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw UsageError(description: "\(name) is given twice")
            }
        }
    }

    mutating func endpoint(_ name: String) throws -> Endpoint {
        guard let text = values.removeValue(forKey: name) else {
            throw UsageError(description: "\(name) is required; see --help")
        }
        guard let endpoint = Endpoint(text) else {
            throw UsageError(description: "\(name) must look like http://127.0.0.1:8080/livez")
        }
        return endpoint
    }

    mutating func count(_ name: String, default standard: Int) throws -> Int {
        guard let text = values.removeValue(forKey: name) else { return standard }
        guard let value = Int(text), (1...100_000_000).contains(value) else {
            throw UsageError(description: "\(name) must be a whole number from 1 to 100000000")
        }
        return value
    }

    func refuseOthers() throws {
        guard let name = values.keys.min() else { return }
        throw UsageError(description: "unknown option \(name); see --help")
    }
}
